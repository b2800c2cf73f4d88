import type { types } from "mediasoup-client";
import type { RoomInfo } from "../signalling/messages.ts";
import type { Tracks } from "../media/subscriber.ts";
import type { Roster } from "./roster.ts";

/** Why a class is over for us. `refused` carries the server's own sentence. */
export type Ending =
  | { readonly why: "left" | "kicked" | "closed" | "replaced" | "signed-out" | "unsupported" }
  | { readonly why: "refused"; readonly sentence: string };

export type Phase = { readonly name: "joining" | "joined" | "reconnecting" } | { readonly name: "ended"; readonly ending: Ending };

export interface ClassroomState {
  readonly phase: Phase;
  readonly room: RoomInfo | null;
  /** Our own id while we have a seat. */
  readonly participantId: string | null;
  /** Everyone else. */
  readonly others: Roster;
  /** What we receive, by producer id. */
  readonly tracks: Tracks;
  /** Producers whose picture stands still since the connection is too slow. */
  readonly stalled: ReadonlySet<string>;
  readonly speakerId: string | null;
  readonly mediaServer: "up" | "down" | "restarted";
  readonly serverRestarting: boolean;
  readonly sending: types.ConnectionState;
  readonly receiving: types.ConnectionState;
  /** Whether we may send at all. */
  readonly mayPublish: boolean;
  /** The browser plays no sound until the user clicks. */
  readonly soundBlocked: boolean;
  /** A moderator muted us and we have not spoken since. */
  readonly mutedByTeacher: boolean;
}
