const FIRST_MS = 400;
/** A class must come back soon after an outage, yet a hundred pages must not ask every second for long. */
const LONGEST_MS = 8000;

/**
 * Milliseconds to wait before try number `attempt` (from 0): doubling up to a limit, then half of it at random, so
 * that everybody who lost the same server does not return in the same instant.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(full * (0.5 + random() / 2));
}
