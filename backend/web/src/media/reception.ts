import { RequestError } from "../lib/errors.ts";
import type { Request } from "../signalling/messages.ts";
import { layerFor, type Picture } from "./simulcast.ts";

/** Where a picture is shown: its size in device pixels, or null while nobody can see it. */
export type View = Picture | null;

/** What is received: how many sizes it comes in, and the largest of them. */
export interface Source {
  readonly consumerId: string;
  readonly layers: number;
  readonly picture: Picture;
}

/**
 * What the server sends of one consumer: whether at all, and in which size.
 *
 * It is told where the picture is shown (`show`) and works towards it, one request at a time; the latest word counts.
 * The server begins with a consumer that is paused and sends the smallest size. After a failure, which `onFailed`
 * hears of, `settle` tries again.
 */
export class Reception {
  readonly #source: Source;
  readonly #request: Request;
  readonly #onFailed: (error: unknown) => void;
  #view: View | undefined;
  /** What the server has confirmed; undefined while that is unknown. */
  #running: boolean | undefined = false;
  #layer: number | undefined = 0;
  #busy = false;

  constructor(source: Source, request: Request, onFailed: (error: unknown) => void) {
    this.#source = source;
    this.#request = request;
    this.#onFailed = onFailed;
  }

  /** Whether it is to be received at the moment. What has not been laid out yet is: it will be seen soon. */
  get wanted(): boolean {
    return this.#view !== null;
  }

  show(view: View | undefined): void {
    this.#view = view;
    this.settle();
  }

  settle(): void {
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    try {
      for (let step = this.#nextStep(); step; step = this.#nextStep()) await step();
    } catch (error) {
      this.#onFailed(error);
    } finally {
      this.#busy = false;
    }
  }

  /** The size comes before the picture, so that none is begun with that is not needed. */
  #nextStep(): (() => Promise<void>) | null {
    const layer = this.#wantedLayer();
    if (this.wanted && layer !== this.#layer) return () => this.#setLayer(layer);
    if (this.wanted !== this.#running) return () => this.#setRunning(this.wanted);
    return null;
  }

  #wantedLayer(): number {
    const { layers, picture } = this.#source;
    return this.#view ? layerFor(this.#view, picture, layers) : (this.#layer ?? 0);
  }

  async #setLayer(spatialLayer: number): Promise<void> {
    this.#layer = undefined;
    try {
      await this.#request("set-preferred-layers", { consumerId: this.#source.consumerId, spatialLayer });
    } catch (error) {
      // A picture in another size is better than none.
      if (!(error instanceof RequestError)) throw error;
    }
    this.#layer = spatialLayer;
  }

  async #setRunning(running: boolean): Promise<void> {
    this.#running = undefined;
    await this.#request(running ? "resume-consumer" : "pause-consumer", { consumerId: this.#source.consumerId });
    this.#running = running;
  }
}
