const FIRST_MS = 400;
/**
 * However long an outage lasts, everybody is to be back within five seconds of its end: this, and a second or two for
 * the way back itself. A hundred pages then ask some forty times a second between them, which costs a server little.
 */
const LONGEST_MS = 3000;

/**
 * Milliseconds to wait before try number `attempt` (from 0): doubling up to a limit, then half of it at random, so
 * that everybody who lost the same server does not return in the same instant.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(full * (0.5 + random() / 2));
}
