import type { ClassroomState, Ending } from "./state.ts";

export interface Status {
  readonly tone: "info" | "trouble";
  readonly text: string;
}

type Seen = Pick<
  ClassroomState,
  "phase" | "participantId" | "mediaServer" | "serverRestarting" | "sending" | "receiving" | "mayPublish" | "mutedByTeacher"
>;

/** The one line about the connection that matters most now, or null when all is well. */
export function statusOf(state: Seen): Status | null {
  if (state.phase.name === "joining") return { tone: "info", text: "Joining the class…" };
  if (state.phase.name === "reconnecting") {
    if (state.serverRestarting) return trouble("The server is restarting. You will be back in a moment.");
    if (state.mediaServer === "down") return trouble("The media server cannot be reached. Trying again…");
    if (!state.participantId) return trouble("The classroom cannot be reached. Trying again…");
    return trouble("The connection was lost. Reconnecting…");
  }
  if (state.mediaServer === "down") return trouble("The media server cannot be reached. Sound and video return by themselves.");
  if (state.mediaServer === "restarted") return trouble("The media server restarted. Setting up sound and video again…");
  if (isShaky(state.sending) || isShaky(state.receiving)) return trouble("Your network is unstable. Sound and video may stall.");
  if (!state.mayPublish) return { tone: "info", text: "You are listening: in this class only the teacher speaks." };
  if (state.mutedByTeacher) return { tone: "info", text: "The teacher muted you. Turn your microphone on when it is your turn." };
  return null;
}

/** What to tell somebody whose class is over. */
export function farewell(ending: Ending): { readonly title: string; readonly text: string } {
  switch (ending.why) {
    case "left":
      return { title: "You left the class", text: "You can come back at any time while it is open." };
    case "kicked":
      return { title: "You were removed from the class", text: "The teacher has removed you from this class." };
    case "closed":
      return { title: "The class is over", text: "The teacher has closed this class for everybody." };
    case "denied":
      return { title: "You were not let in", text: "The teacher did not let you in. Ask them if you think you should be there." };
    case "replaced":
      return {
        title: "Your seat here has ended",
        text: "It was taken over by a newer window, or your session was ended by an administrator.",
      };
    case "signed-out":
      return { title: "You were signed out", text: "Please sign in again to return to the class." };
    case "unsupported":
      return { title: "This browser cannot join", text: "Use a current version of Chrome, Edge, Firefox or Safari." };
    case "refused":
      return { title: "You cannot join this class", text: ending.sentence };
  }
}

function trouble(text: string): Status {
  return { tone: "trouble", text };
}

function isShaky(state: ClassroomState["sending"]): boolean {
  return state === "disconnected" || state === "failed";
}
