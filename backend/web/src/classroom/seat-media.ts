import { Device, type types } from "mediasoup-client";
import type { LocalMedia } from "../media/local-media.ts";
import { Publisher } from "../media/publisher.ts";
import { Subscriber, type Wanted } from "../media/subscriber.ts";
import type { View } from "../media/reception.ts";
import type { JoinAnswer, OneselfInfo, Request } from "../signalling/messages.ts";

export interface SeatMediaOptions {
  readonly localMedia: LocalMedia;
  readonly request: Request;
  readonly onReceived: (change: { tracks?: ReadonlyMap<string, MediaStreamTrack>; stalled?: ReadonlySet<string> }) => void;
  readonly onConnection: (change: { sending?: types.ConnectionState; receiving?: types.ConnectionState }) => void;
  /** The server does not let us send. */
  readonly onRefused: () => void;
  /** Somebody who runs the class silenced us while we were away. */
  readonly onSilenced: (producerId: string) => void;
}

/** Sound and pictures of one seat. They do not depend on signalling: they flow on while it is away. */
export class SeatMedia {
  readonly #options: SeatMediaOptions;
  #publisher: Publisher | null = null;
  #subscriber: Subscriber | null = null;
  #wanted: Wanted = new Map();
  /** Counts the times that all was made anew, so that one which another overtook can tell. */
  #builds = 0;

  constructor(options: SeatMediaOptions) {
    this.#options = options;
  }

  /** Whether there is anything that a resumed seat can go on with. */
  get running(): boolean {
    return this.#subscriber !== null;
  }

  /** Make everything anew, in place of what there was. Throws `UnsupportedError` in a browser without WebRTC. */
  async build({ routerRtpCapabilities, iceServers }: JoinAnswer): Promise<void> {
    this.close();
    const turn = this.#builds;
    const device = await Device.factory();
    await device.load({ routerRtpCapabilities });
    if (turn !== this.#builds) return;
    const { request, onReceived, onConnection, onRefused, onSilenced } = this.#options;
    const context = { device, iceServers, request };
    this.#subscriber = new Subscriber(context, {
      onTracks: (tracks) => onReceived({ tracks }),
      onStalled: (stalled) => onReceived({ stalled }),
      onState: (receiving) => onConnection({ receiving }),
    });
    this.#publisher = new Publisher(context, this.#options.localMedia.state.value, {
      onState: (sending) => onConnection({ sending }),
      onRefused,
      onSilenced,
    });
    this.#subscriber.want(this.#wanted);
  }

  /** Signalling is back and the seat is still ours; `own` is what the server holds of ours. */
  async resume(own: OneselfInfo | undefined): Promise<void> {
    const links = [this.#publisher?.transportId, await this.#subscriber?.transportId()];
    for (const { transportId } of own?.transports ?? []) {
      if (!links.includes(transportId)) this.#options.request("close-transport", { transportId }).catch(() => undefined);
    }
    this.#publisher?.resume(own?.producers ?? []);
    await this.#subscriber?.resume(own?.consumers ?? []);
  }

  /** Receive exactly these producers from now on. */
  want(producers: Wanted): void {
    this.#wanted = producers;
    this.#subscriber?.want(producers);
  }

  /** Send what our devices give now. */
  publish(): void {
    this.#publisher?.want(this.#options.localMedia.state.value);
  }

  /** A picture of somebody else's is shown in this size, or nowhere. */
  show(producerId: string, view: View): void {
    this.#subscriber?.show(producerId, view);
  }

  consumerClosed(consumerId: string, producerId: string): void {
    this.#subscriber?.consumerClosed(consumerId, producerId);
  }

  consumerLayersChanged(consumerId: string, spatialLayer: number | null): void {
    this.#subscriber?.layersChanged(consumerId, spatialLayer);
  }

  producerLayersWanted(producerId: string, spatialLayer: number | null): void {
    this.#publisher?.layersWanted(producerId, spatialLayer);
  }

  /** The server ended something of ours that we did not end. */
  producerClosed(producerId: string): void {
    this.#publisher?.producerClosed(producerId);
  }

  /** The device that one of our producers sends. */
  deviceOf(producerId: string) {
    return this.#publisher?.deviceOf(producerId);
  }

  networkChanged(): void {
    this.#publisher?.networkChanged();
    void this.#subscriber?.networkChanged();
  }

  close(): void {
    this.#builds++;
    this.#publisher?.close();
    this.#subscriber?.close();
    this.#publisher = null;
    this.#subscriber = null;
  }
}
