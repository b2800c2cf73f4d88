/** Times and lengths as a person reads them, in the language of the browser. */

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });

/** The time of day. */
export function timeOf(at: number | string): string {
  return TIME.format(new Date(at));
}

/** Day and time. */
export function momentOf(at: number | string): string {
  return MOMENT.format(new Date(at));
}

/** The day alone. */
export function dayOf(at: number | string): string {
  return DAY.format(new Date(at));
}

/** A length of time: "42 s", "7 min", "1 h 05 min". */
export function lengthOf(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
