import type { Device, types } from "mediasoup-client";
import type { Request } from "../signalling/messages.ts";
import { IceRestarter } from "./ice-restart.ts";

/** What publisher and subscriber need of the class they are in. */
export interface MediaContext {
  readonly device: Device;
  readonly iceServers: RTCIceServer[];
  readonly request: Request;
}

export interface LinkEvents {
  /** Its connection changed. */
  readonly onState: (state: types.ConnectionState) => void;
  /** It cannot be mended: another one is needed. */
  readonly onDead: (link: MediaLink) => void;
}

/** A transport with both its ends, which mends itself as far as it can. */
export class MediaLink {
  readonly transport: types.Transport;
  readonly #request: Request;
  readonly #restarter: IceRestarter;

  private constructor(transport: types.Transport, request: Request, events: LinkEvents) {
    this.transport = transport;
    this.#request = request;
    this.#restarter = new IceRestarter(transport, request, () => events.onDead(this));
    transport.on("connectionstatechange", (state) => {
      events.onState(state);
      this.#restarter.stateChanged(state);
    });
    transport.on("connect", ({ dtlsParameters }, done, failed) => {
      request("connect-transport", { transportId: transport.id, dtlsParameters }).then(done, failed);
    });
  }

  /** Make a transport on the server and its browser side. */
  static async open(context: MediaContext, direction: "send" | "recv", events: LinkEvents): Promise<MediaLink> {
    const { device, iceServers, request } = context;
    const info = await request("create-transport", { direction });
    const { transportId: id, iceParameters, iceCandidates, dtlsParameters } = info;
    const options = { id, iceParameters, iceCandidates, dtlsParameters, iceServers };
    const transport = direction === "send" ? device.createSendTransport(options) : device.createRecvTransport(options);
    return new MediaLink(transport, request, events);
  }

  /** Signalling is back, or the network seems to have changed (`moved`): see whether the connection still stands. */
  mend(moved: boolean): void {
    this.#restarter.mend(moved);
  }

  /** Close our end; the server closes its own with our seat, or has lost it already. */
  close(): void {
    this.#restarter.close();
    this.transport.close();
  }

  /** Close both ends. */
  abandon(): void {
    this.close();
    this.#request("close-transport", { transportId: this.transport.id }).catch(() => undefined);
  }
}
