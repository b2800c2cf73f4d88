import { query } from "./http.ts";
import type { Session } from "./session.ts";
import type { BackupCodes, Page, SecondFactor, SecondFactorSetup, SignedInSession, User } from "./types.ts";

export const SESSIONS_PER_PAGE = 50;

/** Learn what has become of one's name and role since one signed in. */
export async function refreshProfile(session: Session): Promise<void> {
  session.userChanged(await session.call<User>("/auth/profile"));
}

export async function changeProfile(session: Session, change: { full_name: string; phone: string }): Promise<void> {
  session.userChanged(await session.call<User>("/auth/profile", { method: "PATCH", body: change }));
}

/** All other sessions end with it. */
export function changePassword(session: Session, current: string, wanted: string): Promise<unknown> {
  const body = { current_password: current, new_password: wanted };
  return session.call("/auth/change-password", { method: "POST", body });
}

export function listSessions(session: Session, page: number): Promise<Page<SignedInSession>> {
  return session.call(`/auth/sessions${query({ page, per_page: SESSIONS_PER_PAGE })}`);
}

export function endSession(session: Session, id: string): Promise<null> {
  return session.call(`/auth/sessions/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export function getSecondFactor(session: Session): Promise<SecondFactor> {
  return session.call("/auth/totp");
}

/** Begin: the secret for the authenticator app. The second factor is on only after `enableSecondFactor`. */
export function setUpSecondFactor(session: Session, password: string): Promise<SecondFactorSetup> {
  return session.call("/auth/totp/setup", { method: "POST", body: { password } });
}

export function enableSecondFactor(session: Session, code: string): Promise<BackupCodes> {
  return session.call("/auth/totp/enable", { method: "POST", body: { code } });
}

export function disableSecondFactor(session: Session, password: string, code: string): Promise<null> {
  return session.call("/auth/totp/disable", { method: "POST", body: { password, code } });
}

/** New backup codes, in place of the former ones. */
export function renewBackupCodes(session: Session, code: string): Promise<BackupCodes> {
  return session.call("/auth/totp/backup-codes", { method: "POST", body: { code } });
}
