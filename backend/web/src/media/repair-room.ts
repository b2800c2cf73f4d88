/** What a browser has counted of one received picture so far. */
export interface Looked {
  readonly atMs: number;
  readonly packets: number;
  /** How often it asked for packets that were lost. */
  readonly asked: number;
  readonly freezes: number;
}

/** Fewer requests than this share of the packets are not worth a delay. */
const TROUBLED_SHARE = 0.005;

/** A lost packet is known to be missing when the next one comes; on most ways it is here two round trips later. */
const FIRST_ROOM_MS = 250;
/** What a freeze adds: the way was longer, or what was sent again was lost again. */
const STEP_MS = 125;
/** More than this is no conversation. */
const MAX_ROOM_MS = 625;
/** Trouble comes back: the room stays for so long after the last of it. */
const CALM_MS = 20_000;

/**
 * Decides how long to hold a picture back, so that lost packets can be sent again before it has to be shown.
 *
 * A browser that only receives cannot measure a round trip and leaves almost no room for repairs: at 10 % loss its
 * picture stands still an eighth of the time. Where nothing is lost, nothing is held back.
 */
export class RepairRoom {
  #roomMs = 0;
  #before: Looked | null = null;
  #troubledAtMs = 0;

  /** Take another look into account; returns the time to hold back from now on, in ms. */
  after(now: Looked): number {
    const before = this.#before;
    this.#before = now;
    if (before && now.packets >= before.packets) this.#judge(before, now);
    return this.#roomMs;
  }

  #judge(before: Looked, now: Looked): void {
    const asked = now.asked - before.asked;
    if (asked > 0 && asked >= (now.packets - before.packets) * TROUBLED_SHARE) {
      const wanted = Math.max(this.#roomMs, FIRST_ROOM_MS);
      this.#roomMs = now.freezes > before.freezes ? Math.min(wanted + STEP_MS, MAX_ROOM_MS) : wanted;
      this.#troubledAtMs = now.atMs;
    } else if (now.atMs - this.#troubledAtMs >= CALM_MS) {
      this.#roomMs = Math.max(0, this.#roomMs - STEP_MS);
      this.#troubledAtMs = now.atMs;
    }
  }
}
