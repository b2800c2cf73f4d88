import type { AuditQuery } from "../../api/audit.ts";

/** What the audit log is searched by, as its fields have it: days as the calendar's "2030-01-31". */
export interface AuditFilter {
  readonly action: string;
  readonly actorId: string;
  readonly roomId: string;
  readonly since: string;
  readonly until: string;
}

export const NO_FILTER: AuditFilter = { action: "", actorId: "", roomId: "", since: "", until: "" };

/** The filter as the server takes it. Days are the reader's own, and `until` is meant with all of its day. */
export function queryOf({ action, actorId, roomId, since, until }: AuditFilter): Omit<AuditQuery, "page"> {
  return {
    action,
    actor_id: actorId.trim(),
    room_id: roomId.trim(),
    ...(since && { since: startOf(since, 0) }),
    // The server leaves out what was at the moment named.
    ...(until && { until: startOf(until, 1) }),
  };
}

function startOf(day: string, daysLater: number): string {
  const start = new Date(`${day}T00:00:00`);
  start.setDate(start.getDate() + daysLater);
  return start.toISOString();
}
