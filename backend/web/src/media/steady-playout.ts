import type { types } from "mediasoup-client";
import { type Inbound, inboundOf } from "./inbound.ts";
import { RepairRoom } from "./repair-room.ts";

const LOOK_EVERY_MS = 500;

/** Safari has no way to say how long to hold a picture back. */
const CAN_HOLD = "jitterBufferTarget" in (globalThis.RTCRtpReceiver?.prototype ?? {});

/**
 * Holds received pictures back while packets of theirs get lost, so that they move on steadily. Voices follow by
 * themselves: the browser keeps lips and voice together. Ends with the transport.
 */
export function keepPlayoutSteady(transport: types.Transport, consumers: () => Iterable<types.Consumer>): void {
  if (!CAN_HOLD) return;
  const rooms = new WeakMap<types.Consumer, RepairRoom>();
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS);
  transport.observer.on("close", () => clearInterval(timer));

  async function look(): Promise<void> {
    const pictures = [...consumers()].filter(({ kind, closed }) => kind === "video" && !closed);
    if (pictures.length === 0) return;
    const byTrack = await inboundOf(transport);
    for (const consumer of pictures) {
      const report = byTrack.get(consumer.track.id);
      const room = rooms.get(consumer) ?? new RepairRoom();
      rooms.set(consumer, room);
      if (report && consumer.rtpReceiver) hold(consumer.rtpReceiver, room, report);
    }
  }
}

function hold(receiver: RTCRtpReceiver, room: RepairRoom, report: Inbound): void {
  const { timestamp: atMs, packetsReceived: packets = 0, nackCount: asked = 0, freezeCount: freezes = 0 } = report;
  const roomMs = room.after({ atMs, packets, asked, freezes }) || null;
  if (receiver.jitterBufferTarget !== roomMs) receiver.jitterBufferTarget = roomMs;
}
