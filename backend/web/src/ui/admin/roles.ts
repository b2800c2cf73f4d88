import type { Role } from "../../api/types.ts";

/** Roles to choose from. */
export const ROLE_OPTIONS: readonly (readonly [Role, string])[] = [
  ["student", "Student"],
  ["teacher", "Teacher"],
  ["admin", "Admin"],
];
