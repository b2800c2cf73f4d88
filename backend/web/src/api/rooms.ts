import { query } from "./http.ts";
import type { Session } from "./session.ts";
import type {
  AttendanceItem,
  Invitation,
  InvitationInfo,
  MessageItem,
  Page,
  Room,
  RoomChange,
  RoomStats,
  Ticket,
} from "./types.ts";

export const ROOMS_PER_PAGE = 50;
export const MESSAGES_PER_PAGE = 50;
export const ATTENDANCE_PER_PAGE = 50;

export interface RoomQuery {
  readonly page: number;
  readonly search?: string;
}

/** Who comes back to a class rather asks again than waits long for a server that does not answer. */
const TICKET_WITHIN_MS = 4000;

const path = (id: string, rest = "") => `/rooms/${encodeURIComponent(id)}${rest}`;

export function listRooms(session: Session, { page, search }: RoomQuery): Promise<Page<Room>> {
  return session.call(`/rooms${query({ page, per_page: ROOMS_PER_PAGE, search })}`);
}

export function getRoom(session: Session, id: string): Promise<Room> {
  return session.call(path(id));
}

export function createRoom(session: Session, room: RoomChange): Promise<Room> {
  return session.call("/rooms", { method: "POST", body: room });
}

export function changeRoom(session: Session, id: string, change: RoomChange): Promise<Room> {
  return session.call(path(id), { method: "PATCH", body: change });
}

/** Close a class for everybody and for good. */
export function deleteRoom(session: Session, id: string): Promise<null> {
  return session.call(path(id), { method: "DELETE" });
}

export function roomStats(session: Session, id: string): Promise<RoomStats> {
  return session.call(`/signalling${path(id, "/stats")}`);
}

/** Messages of a class, the newest first. */
export function listMessages(session: Session, id: string, page: number): Promise<Page<MessageItem>> {
  return session.call(path(id, `/messages${query({ order: "newest", page, per_page: MESSAGES_PER_PAGE })}`));
}

export function listAttendance(session: Session, id: string, page: number): Promise<Page<AttendanceItem>> {
  return session.call(path(id, `/attendance${query({ page, per_page: ATTENDANCE_PER_PAGE })}`));
}

/** Who was there and how long, as a table for a spreadsheet. */
export function attendanceFile(session: Session, id: string): Promise<Blob> {
  return session.download(path(id, "/attendance?format=csv"));
}

/** The invitation in use, without its token, which is told only once. Throws `INVITATION_NOT_FOUND`. */
export function getInvitation(session: Session, id: string): Promise<InvitationInfo> {
  return session.call(path(id, "/invitation"));
}

/** Make an invitation, in place of the former one. */
export function createInvitation(session: Session, id: string): Promise<Invitation> {
  return session.call(path(id, "/invitation"), { method: "POST" });
}

export function deleteInvitation(session: Session, id: string): Promise<null> {
  return session.call(path(id, "/invitation"), { method: "DELETE" });
}

/** URL of a signalling socket, with a ticket that opens it once within half a minute. */
export async function signallingUrl(session: Session): Promise<string> {
  const { ticket } = await session.call<Ticket>("/signalling/ticket", { method: "POST", withinMs: TICKET_WITHIN_MS });
  const url = new URL("/ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("ticket", ticket);
  return url.href;
}
