/** The part of mediasoup-client's device that publisher and subscriber use, without a browser under it. */
import type { types } from "mediasoup-client";
import type { MediaContext } from "../src/media/media-link.ts";
import type { Request } from "../src/signalling/messages.ts";

type Listener = (...values: never[]) => void;

class FakeTransport {
  readonly id = "t";
  closed = false;
  connectionState = "connected";
  readonly device: FakeDevice;
  readonly #listeners = new Map<string, Listener>();

  constructor(device: FakeDevice) {
    this.device = device;
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener);
  }

  close(): void {
    this.closed = true;
  }

  async consume({ id, producerId }: { id: string; producerId: string }) {
    return { id, producerId, track: {}, close: () => undefined };
  }

  async produce(options: types.ProducerOptions) {
    this.device.produced.push(options);
    if (this.device.refuses(options)) throw Object.assign(new Error("no such encodings"), { name: "OperationError" });
    const { device } = this;
    return {
      id: `p${device.produced.length}`,
      track: options.track,
      pause: () => undefined,
      resume: () => undefined,
      close: () => undefined,
      setMaxSpatialLayer: async (layer: number) => void device.layersSet.push(layer),
    };
  }
}

export class FakeDevice {
  /** What was to be sent, each time. */
  readonly produced: types.ProducerOptions[] = [];
  readonly layersSet: number[] = [];
  /** What the browser cannot send. */
  refuses: (options: types.ProducerOptions) => boolean = () => false;
  readonly recvRtpCapabilities = {};
  readonly sendRtpCapabilities = { codecs: [{ mimeType: "video/VP8" }] };

  createSendTransport(): FakeTransport {
    return new FakeTransport(this);
  }

  createRecvTransport(): FakeTransport {
    return new FakeTransport(this);
  }

  context(request: Request): MediaContext {
    return { device: this as never, iceServers: [], request };
  }
}
