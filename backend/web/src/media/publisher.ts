import type { types } from "mediasoup-client";
import { ConnectionLost, RequestError } from "../lib/errors.ts";
import type { ProducerInfo } from "../signalling/messages.ts";
import type { DeviceKind } from "./devices.ts";
import type { LocalMediaState } from "./local-media.ts";
import { type MediaContext, MediaLink } from "./media-link.ts";
import { Retry } from "./retry.ts";
import { encodingsFor, pictureOf } from "./simulcast.ts";

/** Where the browser's estimate of our uplink begins: it then reaches a full picture in a second or two. */
const START_BITRATE_KBPS = 1000;

const KINDS: readonly DeviceKind[] = ["microphone", "camera"];

interface Held {
  readonly producer: types.Producer;
  /** What the server last confirmed; null while that is unknown. */
  paused: boolean | null;
  /** In how many sizes it is sent. */
  readonly layers: number;
  /** The highest of them that anybody watches, as far as the server has told. */
  topLayer: number | null;
}

export interface PublisherEvents {
  readonly onState: (state: types.ConnectionState) => void;
  /** The server does not let us send. */
  readonly onRefused: () => void;
  /** The server holds a producer back that we left running: it was muted while we were away. */
  readonly onSilenced: (producerId: string) => void;
}

/**
 * Sends our microphone and camera.
 *
 * It is told what is wanted (`want`) and works towards it, one step at a time; a step that fails is tried again later,
 * or at once after `resume`.
 */
export class Publisher {
  #wanted: LocalMediaState;
  #link: MediaLink | null = null;
  /** This browser, or the server, does not take a picture in several sizes. */
  #oneSize = false;
  readonly #held = new Map<DeviceKind, Held>();
  readonly #retry = new Retry(() => this.#kick());
  readonly #context: MediaContext;
  readonly #events: PublisherEvents;
  #working = false;
  #again = false;
  #closed = false;

  constructor(context: MediaContext, wanted: LocalMediaState, events: PublisherEvents) {
    this.#context = context;
    this.#wanted = wanted;
    this.#events = events;
    this.#kick();
  }

  get transportId(): string | undefined {
    return this.#link?.transport.id;
  }

  want(wanted: LocalMediaState): void {
    this.#wanted = wanted;
    this.#kick();
  }

  /** The device that one of our producers sends. */
  deviceOf(producerId: string): DeviceKind | undefined {
    return KINDS.find((kind) => this.#held.get(kind)?.producer.id === producerId);
  }

  /** The signalling connection is back; `known` is what the server holds of ours. Mend the differences. */
  resume(known: readonly ProducerInfo[]): void {
    for (const { producerId } of known) {
      // Made by a request whose answer was lost: nobody feeds it.
      if (!this.deviceOf(producerId)) this.#context.request("close-producer", { producerId }).catch(() => undefined);
    }
    for (const [kind, held] of this.#held) {
      const info = known.find(({ producerId }) => producerId === held.producer.id);
      if (!info) {
        this.#forget(kind);
        continue;
      }
      const silenced = held.paused === false && info.paused;
      held.paused = info.paused;
      if (silenced) this.#events.onSilenced(info.producerId);
    }
    this.#link?.mend(false);
    this.#kick();
  }

  /** The server ended one of our producers by itself; what it sent is still wanted. */
  producerClosed(producerId: string): void {
    const kind = this.deviceOf(producerId);
    if (!kind) return;
    this.#forget(kind);
    this.#retry.later();
  }

  /** Send no layer above this one, since nobody watches it; null: nobody watches at all. */
  layersWanted(producerId: string, spatialLayer: number | null): void {
    const kind = this.deviceOf(producerId);
    const held = kind && this.#held.get(kind);
    if (!held) return;
    // The smallest size is always sent: whoever comes next has a picture at once.
    held.topLayer = Math.min(spatialLayer ?? 0, held.layers - 1);
    this.#kick();
  }

  /** The browser has another network than before. */
  networkChanged(): void {
    this.#link?.mend(true);
  }

  close(): void {
    this.#closed = true;
    this.#retry.cancel();
    this.#link?.close();
    this.#held.clear();
  }

  #kick(): void {
    this.#again = true;
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        for (const kind of KINDS) await this.#settle(kind);
      }
      this.#retry.succeeded();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#working = false;
    }
  }

  async #settle(kind: DeviceKind): Promise<void> {
    const { on, track } = this.#wanted[kind];
    const held = this.#held.get(kind);
    if (!held) {
      if (on && track) await this.#produce(kind, track);
      return;
    }
    // Pausing comes before the picture goes, playing after it is there: nobody sees a frozen frame.
    if (!on) await this.#setPaused(held, true);
    if (held.producer.track !== track) await held.producer.replaceTrack({ track });
    if (on && track) await this.#setPaused(held, false);
    if (held.layers > 1 && held.topLayer !== null) await held.producer.setMaxSpatialLayer(held.topLayer);
  }

  async #produce(kind: DeviceKind, track: MediaStreamTrack): Promise<void> {
    const { transport } = (this.#link ??= await this.#openLink());
    const options = kind === "microphone" ? this.#audioOptions() : this.#videoOptions(track);
    const layers = options.encodings?.length ?? 1;
    // The tracks are not ours to stop or to switch: they outlive a transport.
    const own = { track, stopTracks: false, disableTrackOnPause: false };
    try {
      const producer = await transport.produce({ ...own, ...options });
      this.#held.set(kind, { producer, paused: false, layers, topLayer: null });
      this.#again = true;
    } catch (error) {
      // A track that has just ended is refused in any size.
      this.#oneSize ||= layers > 1 && track.readyState === "live" && !transport.closed && isRefusal(error);
      throw error;
    }
  }

  async #setPaused(held: Held, paused: boolean): Promise<void> {
    if (paused) held.producer.pause();
    else held.producer.resume();
    if (held.paused === paused) return;
    held.paused = null;
    const method = paused ? "pause-producer" : "resume-producer";
    await this.#context.request(method, { producerId: held.producer.id });
    held.paused = paused;
  }

  #audioOptions(): types.ProducerOptions {
    return { codecOptions: { opusDtx: true, opusFec: true }, appData: { source: "microphone" } };
  }

  #videoOptions(track: MediaStreamTrack): types.ProducerOptions {
    const codecs = this.#context.device.sendRtpCapabilities.codecs ?? [];
    const codec = codecs.find(({ mimeType }) => mimeType.toLowerCase() === "video/vp8");
    const picture = pictureOf(track.getSettings());
    const encodings = encodingsFor(picture);
    return {
      ...(codec && { codec }),
      encodings: this.#oneSize ? [{ maxBitrate: encodings.at(-1)?.maxBitrate }] : encodings,
      codecOptions: { videoGoogleStartBitrate: START_BITRATE_KBPS },
      // Receivers choose a size by it.
      appData: { source: "camera", ...picture },
    };
  }

  async #openLink(): Promise<MediaLink> {
    const link = await MediaLink.open(this.#context, "send", {
      onState: this.#events.onState,
      onDead: (dead) => {
        if (this.#link === dead) this.#startAnew();
      },
    });
    const { transport } = link;
    transport.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
      const data = { transportId: transport.id, kind, rtpParameters, appData };
      this.#context.request("produce", data).then(({ producerId }) => done({ id: producerId }), failed);
    });
    return link;
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    if (error instanceof RequestError && error.status === 403) return this.#events.onRefused();
    // What state a step left behind is unknown: the next try begins with a new transport.
    if (!(error instanceof ConnectionLost)) this.#startAnew();
  }

  #startAnew(): void {
    if (this.#closed) return;
    this.#link?.abandon();
    this.#link = null;
    this.#held.clear();
    this.#retry.later();
  }

  #forget(kind: DeviceKind): void {
    this.#held.get(kind)?.producer.close();
    this.#held.delete(kind);
  }
}

/** Whether the browser or the server does not take what was to be sent, rather than being out of reach. */
function isRefusal(error: unknown): boolean {
  return error instanceof RequestError ? error.status === 400 : !(error instanceof ConnectionLost);
}
