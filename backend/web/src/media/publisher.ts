import type { types } from "mediasoup-client";
import { ConnectionLost, RequestError } from "../lib/errors.ts";
import type { ProducerInfo } from "../signalling/messages.ts";
import type { DeviceKind } from "./devices.ts";
import type { LocalMediaState } from "./local-media.ts";
import { closeTransport, type MediaContext, openTransport } from "./media-link.ts";
import { Retry } from "./retry.ts";

/** Enough for 720p of a talking person, and little enough for a classroom's uplinks. */
const VIDEO_MAX_BITRATE_BPS = 1_200_000;

const KINDS: readonly DeviceKind[] = ["microphone", "camera"];

interface Held {
  readonly producer: types.Producer;
  /** What the server last confirmed; null while that is unknown. */
  paused: boolean | null;
}

export interface PublisherEvents {
  readonly onState: (state: types.ConnectionState) => void;
  /** The server does not let us send. */
  readonly onRefused: () => void;
}

/**
 * Sends our microphone and camera.
 *
 * It is told what is wanted (`want`) and works towards it, one step at a time; a step that fails is tried again later,
 * or at once after `resume`.
 */
export class Publisher {
  #wanted: LocalMediaState;
  #transport: types.Transport | null = null;
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
    const held = new Set([...this.#held.values()].map(({ producer }) => producer.id));
    for (const { producerId } of known) {
      // Made by a request whose answer was lost: nobody feeds it.
      if (!held.has(producerId)) this.#context.request("close-producer", { producerId }).catch(() => undefined);
    }
    for (const [kind, { producer }] of this.#held) {
      const info = known.find(({ producerId }) => producerId === producer.id);
      if (info) this.#held.set(kind, { producer, paused: info.paused });
      else this.#forget(kind);
    }
    if (this.#transport?.connectionState === "failed") this.#startAnew();
    this.#kick();
  }

  /** The server ended one of our producers by itself; what it sent is still wanted. */
  producerClosed(producerId: string): void {
    const kind = this.deviceOf(producerId);
    if (!kind) return;
    this.#forget(kind);
    this.#retry.later();
  }

  close(): void {
    this.#closed = true;
    this.#retry.cancel();
    this.#transport?.close();
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
  }

  async #produce(kind: DeviceKind, track: MediaStreamTrack): Promise<void> {
    this.#transport ??= await this.#openTransport();
    const options = kind === "microphone" ? this.#audioOptions() : this.#videoOptions();
    // The tracks are not ours to stop or to switch: they outlive a transport.
    const own = { track, stopTracks: false, disableTrackOnPause: false, appData: { source: kind } };
    const producer = await this.#transport.produce({ ...own, ...options });
    this.#held.set(kind, { producer, paused: false });
    this.#again = true;
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
    return { codecOptions: { opusDtx: true, opusFec: true } };
  }

  #videoOptions(): types.ProducerOptions {
    const codecs = this.#context.device.sendRtpCapabilities.codecs ?? [];
    const codec = codecs.find(({ mimeType }) => mimeType.toLowerCase() === "video/vp8");
    const options = { encodings: [{ maxBitrate: VIDEO_MAX_BITRATE_BPS }] };
    return codec ? { ...options, codec } : options;
  }

  async #openTransport(): Promise<types.Transport> {
    const transport = await openTransport(this.#context, "send", (state) => {
      this.#events.onState(state);
      if (state === "failed" && this.#transport === transport) this.#startAnew();
    });
    transport.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
      const data = { transportId: transport.id, kind, rtpParameters, appData };
      this.#context.request("produce", data).then(({ producerId }) => done({ id: producerId }), failed);
    });
    return transport;
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    if (error instanceof RequestError && error.status === 403) return this.#events.onRefused();
    // What state a step left behind is unknown: the next try begins with a new transport.
    if (!(error instanceof ConnectionLost)) this.#startAnew();
  }

  #startAnew(): void {
    if (this.#closed) return;
    if (this.#transport) closeTransport(this.#transport, this.#context.request);
    this.#transport = null;
    this.#held.clear();
    this.#retry.later();
  }

  #forget(kind: DeviceKind): void {
    this.#held.get(kind)?.producer.close();
    this.#held.delete(kind);
  }
}
