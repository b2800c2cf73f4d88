/** The backend's REST objects, in its own spelling. */

export type Role = "student" | "teacher" | "admin";

export interface User {
  readonly user_id: string;
  readonly email: string;
  readonly full_name: string;
  readonly phone?: string | null;
  readonly role: Role;
}

/** A user as an admin sees it. */
export interface ManagedUser extends User {
  readonly active: boolean;
  /** Whether the second factor is on, where the server tells. */
  readonly totp_enabled?: boolean;
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

export interface Login extends Tokens {
  readonly user: User;
}

export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly full_name: string;
}

export interface SecondFactor {
  readonly enabled: boolean;
  readonly backup_codes_left: number;
}

export interface SecondFactorSetup {
  readonly secret: string;
  readonly otpauth_uri: string;
}

export interface BackupCodes {
  readonly backup_codes: readonly string[];
}

export interface SignedInSession {
  readonly session_id: string;
  readonly started_at: string;
  readonly last_used_at: string;
  readonly expires_at: string;
  readonly current: boolean;
}

/** What a class allows; what its owner may change. */
export interface RoomRules {
  readonly name: string;
  readonly max_participants: number;
  readonly is_locked: boolean;
  readonly students_may_publish: boolean;
  readonly waiting_room: boolean;
  readonly invitation_required: boolean;
  readonly one_seat_per_user: boolean;
}

export interface Room extends RoomRules {
  readonly id: string;
  readonly created_by: string | null;
  readonly has_password: boolean;
  readonly participant_count: number;
  readonly created_at: string;
}

/** `password`: a new one, or "" to do without. */
export type RoomChange = Partial<RoomRules> & { readonly password?: string };

export interface InvitationInfo {
  readonly created_at: string;
  readonly expires_at: string | null;
}

export interface Invitation extends InvitationInfo {
  readonly token: string;
}

export interface RoomStats {
  readonly room_id: string;
  readonly participant_count: number;
  readonly producer_count: number;
}

export interface AttendanceItem {
  readonly participant_id: string;
  readonly user_id: string | null;
  readonly full_name: string;
  readonly role: Role;
  readonly joined_at: string;
  readonly left_at: string | null;
  readonly duration_s: number;
}

export interface MessageItem {
  readonly id: string;
  readonly participant_id: string;
  readonly user_id: string | null;
  readonly full_name: string;
  readonly text: string;
  readonly sent_at: string;
}

export interface AuditItem {
  readonly id: string | number;
  readonly at: string;
  readonly action: string;
  readonly actor_id: string | null;
  readonly actor_email: string | null;
  readonly target_id: string | null;
  readonly target_type: string | null;
  readonly room_id: string | null;
  readonly address: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly page: number;
  readonly per_page: number;
}

export interface Ticket {
  readonly ticket: string;
  readonly expires_in: number;
}
