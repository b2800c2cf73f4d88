import { query } from "./http.ts";
import type { Session } from "./session.ts";
import type { AuditItem, Page } from "./types.ts";

export const AUDIT_PER_PAGE = 50;

/** What the audit log notes, by the name on the wire. */
export const AUDIT_ACTIONS: Readonly<Record<string, string>> = {
  "sign-in": "Signed in",
  "sign-in-failed": "Sign-in failed",
  "sign-out": "Signed out",
  "password-changed": "Password changed",
  "totp-enabled": "Second factor on",
  "totp-disabled": "Second factor off",
  "user-created": "Account created",
  "role-changed": "Role changed",
  "user-deactivated": "Account deactivated",
  "user-activated": "Account activated",
  "user-deleted": "Account deleted",
  "room-created": "Class created",
  "room-deleted": "Class deleted",
  "room-closed": "Class closed",
  "room-locked": "Class locked",
  "room-unlocked": "Class unlocked",
  "participant-kicked": "Removed from a class",
  "participant-muted": "Muted in a class",
  "refresh-reuse": "Token used twice",
};

export interface AuditQuery {
  readonly page: number;
  readonly action?: string;
  readonly actor_id?: string;
  readonly room_id?: string;
  /** RFC 3339 times. */
  readonly since?: string;
  readonly until?: string;
}

export function listAudit(session: Session, wanted: AuditQuery): Promise<Page<AuditItem>> {
  return session.call(`/audit${query({ ...wanted, per_page: AUDIT_PER_PAGE })}`);
}
