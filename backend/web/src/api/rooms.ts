import type { Session } from "./session.ts";
import type { Page, Room, Ticket } from "./types.ts";

const PER_PAGE = 50;

export function listRooms(session: Session, page: number): Promise<Page<Room>> {
  return session.call(`/rooms?page=${page}&per_page=${PER_PAGE}`);
}

export function getRoom(session: Session, id: string): Promise<Room> {
  return session.call(`/rooms/${encodeURIComponent(id)}`);
}

export function createRoom(session: Session, name: string): Promise<Room> {
  return session.call("/rooms", { method: "POST", body: { name } });
}

/** URL of a signalling socket, with a ticket that opens it once within half a minute. */
export async function signallingUrl(session: Session): Promise<string> {
  const { ticket } = await session.call<Ticket>("/signalling/ticket", { method: "POST" });
  const url = new URL("/ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("ticket", ticket);
  return url.href;
}
