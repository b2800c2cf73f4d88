/** The backend's REST objects, in its own spelling. */

export type Role = "student" | "teacher" | "admin";

export interface User {
  readonly user_id: string;
  readonly email: string;
  readonly full_name: string;
  readonly role: Role;
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

export interface Room {
  readonly id: string;
  readonly name: string;
  readonly created_by: string;
  readonly max_participants: number;
  readonly is_locked: boolean;
  readonly students_may_publish: boolean;
  readonly participant_count: number;
  readonly created_at: string;
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
