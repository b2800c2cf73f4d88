import type { Device, types } from "mediasoup-client";
import type { Request } from "../signalling/messages.ts";

/** What publisher and subscriber need of the class they are in. */
export interface MediaContext {
  readonly device: Device;
  readonly iceServers: RTCIceServer[];
  readonly request: Request;
}

/** Make a transport on the server and its browser side. `onState` hears of every change of its connection. */
export async function openTransport(
  { device, iceServers, request }: MediaContext,
  direction: "send" | "recv",
  onState: (state: types.ConnectionState) => void,
): Promise<types.Transport> {
  const { transportId, iceParameters, iceCandidates, dtlsParameters } = await request("create-transport", { direction });
  const options = { id: transportId, iceParameters, iceCandidates, dtlsParameters, iceServers };
  const transport = direction === "send" ? device.createSendTransport(options) : device.createRecvTransport(options);
  transport.on("connect", (local, done, failed) => {
    request("connect-transport", { transportId, dtlsParameters: local.dtlsParameters }).then(done, failed);
  });
  transport.on("connectionstatechange", onState);
  return transport;
}

/** Close both ends of a transport; the server may have lost its end already. */
export function closeTransport(transport: types.Transport, request: Request): void {
  transport.close();
  request("close-transport", { transportId: transport.id }).catch(() => undefined);
}
