import { backoffMs } from "../lib/backoff.ts";

/** Runs one action again later, at most one timer at a time, waiting longer after each failure in a row. */
export class Retry {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  readonly #action: () => void;

  constructor(action: () => void) {
    this.#action = action;
  }

  later(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#action();
    }, backoffMs(this.#attempt++));
  }

  /** Things work again: the next failure waits shortly. */
  succeeded(): void {
    this.#attempt = 0;
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
