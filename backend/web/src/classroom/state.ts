import type { types } from "mediasoup-client";
import type { Tracks } from "../media/subscriber.ts";
import type { RoomInfo, WaitingInfo } from "../signalling/messages.ts";
import type { Roster } from "./roster.ts";

/** Why a class is over for us. `refused` carries the server's own sentence. */
export type Ending =
  | { readonly why: "left" | "kicked" | "closed" | "replaced" | "denied" | "signed-out" | "unsupported" }
  | { readonly why: "refused"; readonly sentence: string };

/** Asked for the password; `problem`: what was wrong with the last one, `checking`: one is on its way. */
export interface AskedForPassword {
  readonly name: "password";
  readonly problem: string | null;
  readonly checking: boolean;
}

/** Where one stands at the door: `waiting` to be let in, or asked for the password. */
export type AtTheDoor = { readonly name: "waiting" } | AskedForPassword;

export type Phase =
  | { readonly name: "joining" | "joined" | "reconnecting" }
  | AtTheDoor
  | { readonly name: "ended"; readonly ending: Ending };

export interface ClassroomState {
  readonly phase: Phase;
  readonly room: RoomInfo | null;
  /** Our own id while we have a seat. */
  readonly participantId: string | null;
  /** Everyone else. */
  readonly others: Roster;
  /** Since when our own hand is up, in Unix milliseconds. */
  readonly handRaisedAt: number | null;
  /** Who waits to be let in, as far as that is ours to decide. */
  readonly waiting: readonly WaitingInfo[];
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

export const AT_FIRST: ClassroomState = {
  phase: { name: "joining" },
  room: null,
  participantId: null,
  others: new Map(),
  handRaisedAt: null,
  waiting: [],
  tracks: new Map(),
  stalled: new Set(),
  speakerId: null,
  mediaServer: "up",
  serverRestarting: false,
  sending: "new",
  receiving: "new",
  mayPublish: true,
  soundBlocked: false,
  mutedByTeacher: false,
};
