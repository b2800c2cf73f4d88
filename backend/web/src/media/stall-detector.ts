/** How often what arrives is to be looked at. */
export const LOOK_EVERY_MS = 50;

/** A look that comes later than this says no more than one in time: the page itself has stood still. */
const LONGEST_LOOK_MS = 100;
/** Without news for so long a stream is not steady: a slow picture, a shared screen, a voice that rests. */
const HOLE_MS = 200;
/** So long without a hole makes a stream steady. */
const STEADY_MS = 1000;
/** Everything has stopped: longer than networks jitter, and soon enough to be helped in less than a second. */
const STALLED_MS = 250;
/** A voice that rests comes every 400 ms only (Opus DTX), and none must be taken for a stall. */
const VOICE_STALLED_MS = 600;
/** Where stalls come again and again, the way is not to blame. */
const PAUSES_MS = [5_000, 15_000, 60_000] as const;
/** After so long without a stall the next one is a first one. */
const CALM_MS = 120_000;

/** What is seen of a stream that should arrive now. */
export interface Mark {
  readonly kind: "audio" | "video";
  /** Something that changes whenever some of it has arrived. */
  readonly at: number | undefined;
}

/** By stream. */
export type Marks = ReadonlyMap<string, Mark>;

interface Stream {
  readonly mark: Mark;
  /** How long it has brought nothing, and how long it came without a hole before. */
  readonly quietMs: number;
  readonly steadyMs: number;
}

/**
 * Tells when everything that a transport receives has stopped at once, though it should go on.
 *
 * It takes one stream to have been steady before and none to have moved since. Who has stopped sending for a known
 * reason is left out of the marks and forgotten. Each stall is told of once, and not too many of them.
 */
export class StallDetector {
  #streams = new Map<string, Stream>();
  #lookedAtMs = -Infinity;
  #told = 0;
  #silentUntilMs = -Infinity;

  /** Take a look into account; returns whether to do something now. */
  after(nowMs: number, marks: Marks): boolean {
    const passedMs = Math.min(nowMs - this.#lookedAtMs, LONGEST_LOOK_MS);
    this.#lookedAtMs = nowMs;
    const seen = [...marks].map(([id, mark]) => [id, follow(this.#streams.get(id), mark, passedMs)] as const);
    this.#streams = new Map(seen);
    if (!this.#stalled || nowMs < this.#silentUntilMs) return false;
    this.#tell(nowMs);
    return true;
  }

  get #stalled(): boolean {
    const streams = [...this.#streams.values()];
    return streams.some(isMissed) && streams.every(({ quietMs }) => quietMs >= STALLED_MS);
  }

  #tell(nowMs: number): void {
    if (nowMs - this.#silentUntilMs >= CALM_MS) this.#told = 0;
    const pauseMs = PAUSES_MS[Math.min(this.#told++, PAUSES_MS.length - 1)] ?? 0;
    this.#silentUntilMs = nowMs + pauseMs;
    this.#streams.clear(); // what is steady again has ended the stall
  }
}

function isMissed({ mark, quietMs, steadyMs }: Stream): boolean {
  return steadyMs >= STEADY_MS && quietMs >= (mark.kind === "audio" ? VOICE_STALLED_MS : STALLED_MS);
}

function follow(before: Stream | undefined, mark: Mark, passedMs: number): Stream {
  if (!before) return { mark, quietMs: 0, steadyMs: 0 };
  const quietMs = before.quietMs + passedMs;
  if (mark.at === before.mark.at) return { ...before, quietMs };
  return { mark, quietMs: 0, steadyMs: before.quietMs >= HOLE_MS ? 0 : before.steadyMs + quietMs };
}
