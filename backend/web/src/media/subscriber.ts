import type { types } from "mediasoup-client";
import { ConnectionLost, RequestError } from "../lib/errors.ts";
import { closeTransport, type MediaContext, openTransport } from "./media-link.ts";
import { Retry } from "./retry.ts";

export type Tracks = ReadonlyMap<string, MediaStreamTrack>;

export interface SubscriberEvents {
  /** Tracks by producer id, after every change. */
  readonly onTracks: (tracks: Tracks) => void;
  readonly onState: (state: types.ConnectionState) => void;
}

interface Held {
  readonly consumer: types.Consumer;
  /** The server has been told that this side is ready. */
  started: boolean;
}

/**
 * Receives what the others send.
 *
 * It is told which producers there are (`want`) and works towards having a consumer for each: that covers joining, a
 * newcomer, a resume and a restart of the media server alike.
 */
export class Subscriber {
  #wanted: ReadonlySet<string> = new Set();
  #transport: Promise<types.Transport> | null = null;
  readonly #held = new Map<string, Held>();
  readonly #pending = new Set<string>();
  /** Producers that this browser cannot decode: asked for once, never again. */
  readonly #unfit = new Set<string>();
  readonly #retry = new Retry(() => this.#work());
  readonly #context: MediaContext;
  readonly #events: SubscriberEvents;
  #closed = false;

  constructor(context: MediaContext, events: SubscriberEvents) {
    this.#context = context;
    this.#events = events;
  }

  /** Receive exactly these producers from now on. */
  want(producers: ReadonlySet<string>): void {
    this.#wanted = producers;
    for (const producerId of this.#held.keys()) {
      if (!producers.has(producerId)) this.#drop(producerId);
    }
    this.#work();
  }

  /** The server closed a consumer by itself. Its producer is not asked for again until something else changes. */
  consumerClosed(consumerId: string, producerId: string): void {
    if (this.#held.get(producerId)?.consumer.id === consumerId) this.#drop(producerId);
  }

  /** The signalling connection is back: mend what broke meanwhile. */
  async resume(): Promise<void> {
    const transport = await this.#transport?.catch(() => null);
    if (transport?.connectionState === "failed") return this.#startAnew(transport);
    this.#work();
  }

  close(): void {
    this.#closed = true;
    this.#retry.cancel();
    void this.#transport?.then((transport) => transport.close()).catch(() => undefined);
    this.#held.clear();
    this.#publish();
  }

  #work(): void {
    if (this.#closed) return;
    for (const producerId of this.#wanted) {
      const done = this.#held.get(producerId)?.started || this.#unfit.has(producerId);
      if (!done && !this.#pending.has(producerId)) void this.#take(producerId);
    }
  }

  async #take(producerId: string): Promise<void> {
    this.#pending.add(producerId);
    try {
      await this.#consume(producerId);
      this.#retry.succeeded();
    } catch (error) {
      this.#failed(producerId, error);
    } finally {
      this.#pending.delete(producerId);
    }
  }

  async #consume(producerId: string): Promise<void> {
    const held = this.#held.get(producerId) ?? (await this.#create(producerId));
    if (!held) return;
    await this.#context.request("resume-consumer", { consumerId: held.consumer.id });
    held.started = true;
  }

  async #create(producerId: string): Promise<Held | null> {
    const { device, request } = this.#context;
    const transport = await this.#openTransport();
    const rtpCapabilities = device.recvRtpCapabilities;
    const info = await request("consume", { transportId: transport.id, producerId, rtpCapabilities, paused: true });
    const { consumerId: id, kind, rtpParameters, participantId: streamId } = info;
    // One stream id for all that a participant sends keeps lips and voice together.
    const consumer = await transport.consume({ id, producerId, kind, rtpParameters, streamId });
    if (this.#closed || transport.closed || !this.#wanted.has(producerId)) {
      consumer.close();
      return null;
    }
    const held = { consumer, started: false };
    this.#held.set(producerId, held);
    this.#publish();
    return held;
  }

  #failed(producerId: string, error: unknown): void {
    if (this.#closed || error instanceof ConnectionLost) return;
    const refused = error instanceof RequestError && error.status === 400;
    if (refused || (error as Error).name === "UnsupportedError") {
      this.#unfit.add(producerId);
      return;
    }
    this.#retry.later();
  }

  #openTransport(): Promise<types.Transport> {
    if (this.#transport) return this.#transport;
    const opening = openTransport(this.#context, "recv", (state) => {
      this.#events.onState(state);
      if (state === "failed") void opening.then((transport) => this.#startAnew(transport));
    });
    this.#transport = opening;
    opening.catch(() => {
      if (this.#transport === opening) this.#transport = null;
    });
    return opening;
  }

  #startAnew(transport: types.Transport): void {
    if (this.#closed || transport.closed) return;
    closeTransport(transport, this.#context.request);
    this.#transport = null;
    this.#held.clear();
    this.#publish();
    this.#retry.later();
  }

  #drop(producerId: string): void {
    this.#held.get(producerId)?.consumer.close();
    this.#held.delete(producerId);
    this.#publish();
  }

  #publish(): void {
    this.#events.onTracks(new Map([...this.#held].map(([producerId, { consumer }]) => [producerId, consumer.track])));
  }
}
