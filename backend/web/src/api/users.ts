import { query } from "./http.ts";
import type { Session } from "./session.ts";
import type { ManagedUser, NewAccount, Page, Role } from "./types.ts";

export const USERS_PER_PAGE = 50;

export interface UserQuery {
  readonly page: number;
  readonly search?: string;
  readonly role?: Role | "";
  readonly active?: "true" | "false" | "";
}

const path = (id: string, rest = "") => `/users/${encodeURIComponent(id)}${rest}`;

export function listUsers(session: Session, wanted: UserQuery): Promise<Page<ManagedUser>> {
  return session.call(`/users${query({ ...wanted, per_page: USERS_PER_PAGE })}`);
}

export function createUser(session: Session, account: NewAccount & { role: Role }): Promise<ManagedUser> {
  return session.call("/users", { method: "POST", body: account });
}

export function changeUser(session: Session, id: string, change: { role?: Role; active?: boolean }): Promise<ManagedUser> {
  return session.call(path(id), { method: "PATCH", body: change });
}

export function deleteUser(session: Session, id: string): Promise<null> {
  return session.call(path(id), { method: "DELETE" });
}

/** Turn somebody's second factor off, for one who has lost it. */
export function resetSecondFactor(session: Session, id: string): Promise<null> {
  return session.call(path(id, "/totp"), { method: "DELETE" });
}
