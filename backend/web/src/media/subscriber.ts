import { parseScalabilityMode, type types } from "mediasoup-client";
import { ConnectionLost, RequestError } from "../lib/errors.ts";
import type { OneselfInfo } from "../signalling/messages.ts";
import { type MediaContext, MediaLink } from "./media-link.ts";
import { Reception, type View } from "./reception.ts";
import { Retry } from "./retry.ts";
import { pictureOf } from "./simulcast.ts";
import { watchForStalls } from "./stall-watch.ts";
import { keepPlayoutSteady } from "./steady-playout.ts";

/** A picture that is about to begin, or changes its size, stands still for less than this. */
const STALLED_AFTER_MS = 3000;

/** Producers by their ids. */
export type Wanted = ReadonlyMap<string, { readonly paused: boolean }>;

export type Tracks = ReadonlyMap<string, MediaStreamTrack>;

export interface SubscriberEvents {
  /** Tracks by producer id, after every change. */
  readonly onTracks: (tracks: Tracks) => void;
  /** Producers of which the server sends nothing, though we want it: there is too little bandwidth. */
  readonly onStalled: (stalled: ReadonlySet<string>) => void;
  readonly onState: (state: types.ConnectionState) => void;
}

interface Held {
  readonly consumer: types.Consumer;
  readonly reception: Reception;
  /** Whether the server sends it, as far as we have been told. */
  flowing: boolean;
  stalled: boolean;
  stallTimer?: ReturnType<typeof setTimeout>;
}

/**
 * Receives what the others send.
 *
 * It is told which producers there are (`want`) and works towards having a consumer for each: that covers joining, a
 * newcomer, a resume and a restart of the media server alike.
 */
export class Subscriber {
  #wanted: Wanted = new Map();
  #link: Promise<MediaLink> | null = null;
  readonly #held = new Map<string, Held>();
  /** Where each picture is shown, by producer id. */
  readonly #views = new Map<string, View>();
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
  want(producers: Wanted): void {
    this.#wanted = producers;
    for (const producerId of this.#views.keys()) {
      if (!producers.has(producerId)) this.#views.delete(producerId);
    }
    for (const [producerId, held] of this.#held) {
      const producer = producers.get(producerId);
      if (!producer) this.#drop(producerId);
      else if (producer.paused) this.#setFlowing(held, true);
    }
    this.#work();
  }

  /** A picture is shown in this size from now on. */
  show(producerId: string, view: View): void {
    if (!this.#wanted.has(producerId)) return;
    this.#views.set(producerId, view);
    const held = this.#held.get(producerId);
    held?.reception.show(view);
    if (held && view === null) this.#setFlowing(held, true);
  }

  /** What the server really sends of a consumer has changed; null: nothing. */
  layersChanged(consumerId: string, spatialLayer: number | null): void {
    const held = [...this.#held.values()].find(({ consumer }) => consumer.id === consumerId);
    if (!held) return;
    this.#setFlowing(held, spatialLayer !== null || !this.#expects(held));
  }

  /** The server closed a consumer by itself. Its producer is not asked for again until something else changes. */
  consumerClosed(consumerId: string, producerId: string): void {
    if (this.#held.get(producerId)?.consumer.id === consumerId) this.#drop(producerId);
  }

  async transportId(): Promise<string | undefined> {
    return (await this.#link?.catch(() => null))?.transport.id;
  }

  /** The signalling connection is back: mend what broke meanwhile. `known` is what the server holds of ours. */
  async resume(known: NonNullable<OneselfInfo["consumers"]>): Promise<void> {
    for (const { consumerId, producerId } of known) {
      if (this.#pending.has(producerId) || this.#held.get(producerId)?.consumer.id === consumerId) continue;
      // Made by a request whose answer was lost: nobody looks at it.
      this.#context.request("close-consumer", { consumerId }).catch(() => undefined);
    }
    const link = await this.#link?.catch(() => null);
    link?.mend(false);
    this.#work();
  }

  /** The browser has another network than before. */
  async networkChanged(): Promise<void> {
    const link = await this.#link?.catch(() => null);
    link?.mend(true);
  }

  close(): void {
    this.#closed = true;
    this.#retry.cancel();
    void this.#link?.then((link) => link.close()).catch(() => undefined);
    this.#dropAll();
  }

  #work(): void {
    if (this.#closed) return;
    for (const producerId of this.#wanted.keys()) {
      const held = this.#held.get(producerId);
      if (held) held.reception.settle();
      else if (!this.#pending.has(producerId) && !this.#unfit.has(producerId)) void this.#take(producerId);
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
    const { device, request } = this.#context;
    const { transport } = await this.#openLink();
    const { recvRtpCapabilities: rtpCapabilities } = device;
    const wish = { transportId: transport.id, producerId, rtpCapabilities, paused: true } as const;
    // The smallest picture is soon there; a larger one follows when there is a place for it.
    const info = await request("consume", { ...wish, preferredLayers: { spatialLayer: 0 } });
    const { consumerId: id, kind, rtpParameters, participantId: streamId } = info;
    // One stream id for all that a participant sends keeps lips and voice together.
    const consumer = await transport.consume({ id, producerId, kind, rtpParameters, streamId });
    if (this.#closed || transport.closed || !this.#wanted.has(producerId)) return consumer.close();
    const source = { consumerId: id, layers: layersOf(rtpParameters), picture: pictureOf(info.appData) };
    const reception = new Reception(source, request, (error) => this.#failed(producerId, error));
    this.#held.set(producerId, { consumer, reception, flowing: true, stalled: false });
    this.#publish();
    reception.show(this.#views.get(producerId));
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

  #openLink(): Promise<MediaLink> {
    if (this.#link) return this.#link;
    const opening = MediaLink.open(this.#context, "recv", {
      onState: this.#events.onState,
      onDead: (link) => this.#startAnew(link),
    });
    this.#link = opening;
    opening.then(
      (link) => this.#watch(link),
      () => {
        if (this.#link === opening) this.#link = null;
      },
    );
    return opening;
  }

  #watch(link: MediaLink): void {
    const held = () => [...this.#held.values()];
    keepPlayoutSteady(link.transport, () => held().map(({ consumer }) => consumer));
    const expected = () => held().filter((one) => this.#expects(one) && one.flowing).map(({ consumer }) => consumer);
    watchForStalls(link.transport, expected, () => link.mend(true));
  }

  #expects({ consumer, reception }: Held): boolean {
    return reception.wanted && this.#wanted.get(consumer.producerId)?.paused === false;
  }

  #startAnew(link: MediaLink): void {
    if (this.#closed || link.transport.closed) return;
    link.abandon();
    this.#link = null;
    this.#dropAll();
    this.#retry.later();
  }

  #drop(producerId: string): void {
    const held = this.#held.get(producerId);
    if (!held) return;
    clearTimeout(held.stallTimer);
    held.consumer.close();
    this.#held.delete(producerId);
    this.#publish();
  }

  #dropAll(): void {
    for (const { stallTimer } of this.#held.values()) clearTimeout(stallTimer);
    this.#held.clear();
    this.#publish();
  }

  #setFlowing(held: Held, flowing: boolean): void {
    held.flowing = flowing;
    clearTimeout(held.stallTimer);
    if (flowing) this.#setStalled(held, false);
    else held.stallTimer = setTimeout(() => this.#setStalled(held, true), STALLED_AFTER_MS);
  }

  #setStalled(held: Held, stalled: boolean): void {
    if (held.stalled === stalled) return;
    held.stalled = stalled;
    this.#publishStalled();
  }

  #publish(): void {
    this.#events.onTracks(new Map([...this.#held].map(([producerId, { consumer }]) => [producerId, consumer.track])));
    this.#publishStalled();
  }

  #publishStalled(): void {
    const stalled = [...this.#held].filter(([, held]) => held.stalled).map(([producerId]) => producerId);
    this.#events.onStalled(new Set(stalled));
  }
}

/** In how many sizes the server can send a consumer's picture. */
function layersOf({ encodings }: types.RtpParameters): number {
  return parseScalabilityMode(encodings?.[0]?.scalabilityMode).spatialLayers;
}
