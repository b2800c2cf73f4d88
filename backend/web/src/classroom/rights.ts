import type { Role } from "../api/types.ts";

interface Person {
  readonly userId: string;
  readonly role: Role;
}

/** Whether somebody runs a class. The server decides; this only chooses which buttons are shown. */
export function runs({ userId, role }: Person, ownerId: string | null | undefined): boolean {
  return role === "admin" || ownerId === userId;
}
