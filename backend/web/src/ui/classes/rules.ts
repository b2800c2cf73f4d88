import type { Room, RoomChange } from "../../api/types.ts";

export const MAX_NAME_LENGTH = 200;
export const DEFAULT_MAX_PARTICIPANTS = 100;
export const LARGEST_MAX_PARTICIPANTS = 500;

/** What a form of rules says, as the server takes it. A password that is not mentioned stays as it is. */
export function changeOf(values: Readonly<Record<string, string>>): RoomChange {
  const { name = "", max_participants = "", password = "" } = values;
  const on = (field: string) => values[field] === "on";
  return {
    name: name.trim(),
    max_participants: Number(max_participants),
    is_locked: on("is_locked"),
    students_may_publish: on("students_may_publish"),
    waiting_room: on("waiting_room"),
    invitation_required: on("invitation_required"),
    one_seat_per_user: on("one_seat_per_user"),
    ...(password !== "" && { password }),
    ...(on("no_password") && { password: "" }),
  };
}

/** What of a change is one: others may have changed the rest meanwhile. */
export function newIn(change: RoomChange, room: Room): RoomChange {
  const before: Partial<Record<string, unknown>> = { ...room };
  return Object.fromEntries(Object.entries(change).filter(([rule, value]) => before[rule] !== value));
}
