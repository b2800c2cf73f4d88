import type { types } from "mediasoup-client";
import { backoffMs } from "../lib/backoff.ts";
import { ConnectionLost, RequestError } from "../lib/errors.ts";
import type { Request } from "../signalling/messages.ts";

/** A short gap in the network heals by itself before this. */
const DISCONNECTED_FOR_MS = 2000;
/** How long the checks after a restart may take: some round trips, each lost a few times. */
const CONNECTED_WITHIN_MS = 5000;
/** After so many restarts in a row that did not help, the transport is made anew. */
const MAX_RESTARTS = 3;

export type Restartable = Pick<types.Transport, "id" | "connectionState" | "restartIce">;

/**
 * Leads a transport to a new way through the network when its old one is gone, without negotiating media anew.
 *
 * It needs signalling: while that is away it waits for `mend`. When it cannot help, `giveUp` is called once.
 */
export class IceRestarter {
  readonly #transport: Restartable;
  readonly #request: Request;
  readonly #giveUp: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restarts = 0;
  #busy = false;
  #closed = false;

  constructor(transport: Restartable, request: Request, giveUp: () => void) {
    this.#transport = transport;
    this.#request = request;
    this.#giveUp = giveUp;
  }

  stateChanged(state: types.ConnectionState): void {
    if (state === "connected") this.#succeeded();
    else if (state === "disconnected") this.#later(DISCONNECTED_FOR_MS);
    else if (state === "failed") this.#later(this.#restarts && backoffMs(this.#restarts));
  }

  /**
   * Signalling is back, or the network has changed (`moved`). A connection that looks well is left alone, unless the
   * network has changed: then it only has not noticed yet.
   */
  mend(moved: boolean): void {
    const { connectionState: state } = this.#transport;
    if (state === "failed" || state === "disconnected" || (moved && state === "connected")) {
      this.#restarts = 0;
      this.#later(0);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #later(ms: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#restart(), ms);
  }

  #succeeded(): void {
    clearTimeout(this.#timer);
    this.#restarts = 0;
  }

  async #restart(): Promise<void> {
    if (this.#busy || this.#closed) return;
    if (this.#restarts >= MAX_RESTARTS) return this.#hopeless();
    this.#busy = true;
    try {
      const { iceParameters } = await this.#request("restart-ice", { transportId: this.#transport.id });
      if (this.#closed) return;
      await this.#transport.restartIce({ iceParameters });
      this.#restarts++;
      this.#check();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#busy = false;
    }
  }

  #check(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#transport.connectionState === "connected") this.#succeeded();
      else void this.#restart();
    }, CONNECTED_WITHIN_MS);
  }

  #failed(error: unknown): void {
    if (error instanceof ConnectionLost) return;
    this.#restarts++;
    if (error instanceof RequestError && error.status >= 500) this.#later(backoffMs(this.#restarts));
    else this.#hopeless();
  }

  #hopeless(): void {
    if (this.#closed) return;
    this.close();
    this.#giveUp();
  }
}
