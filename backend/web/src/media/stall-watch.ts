import type { types } from "mediasoup-client";
import { inboundOf } from "./inbound.ts";
import { LOOK_EVERY_MS, type Mark, StallDetector } from "./stall-detector.ts";

/** A few streams tell what has become of the way that all of them share. */
const MAX_WATCHED = 6;

/** A report of the statistics is dear: 3 ms of the browser's time with 30 streams. */
const REPORT_EVERY_MS = 2 * LOOK_EVERY_MS;

/** Without a browser, and in very old ones, there is nothing to look at. */
const CAN_LOOK = "getSynchronizationSources" in (globalThis.RTCRtpReceiver?.prototype ?? {});

/**
 * Calls `onStall` when nothing at all arrives any more of `expected`, the consumers that should receive at the moment.
 * Ends with the transport.
 *
 * A NAT that has given us another port is one reason. A browser that only receives may send nothing for a second
 * then, and until it does the server cannot know where it is.
 */
export function watchForStalls(
  transport: types.Transport,
  expected: () => Iterable<types.Consumer>,
  onStall: () => void,
): void {
  if (!CAN_LOOK) return;
  const detector = new StallDetector();
  void look();

  async function look(): Promise<void> {
    if (transport.closed) return;
    // Nothing is expected of a page that nobody sees: its timers and pictures rest.
    const watched = document.hidden ? [] : picturesFirst([...expected()]).slice(0, MAX_WATCHED);
    const dear = watched.some(isHeldBack);
    setTimeout(() => void look(), dear ? REPORT_EVERY_MS : LOOK_EVERY_MS);
    const marks = dear ? await arrived(transport, watched).catch(() => null) : played(watched);
    if (!marks || transport.connectionState !== "connected") return;
    if (detector.after(performance.now(), marks)) onStall();
  }
}

/** Whether it is still played when nothing arrives any more (see `steady-playout`): then only reports tell in time. */
function isHeldBack({ rtpReceiver }: types.Consumer): boolean {
  return Boolean(rtpReceiver?.jitterBufferTarget);
}

/** When something was last played, at some 40 us a stream. */
function played(consumers: types.Consumer[]): Map<string, Mark> {
  return new Map(
    consumers.map(({ id, kind, rtpReceiver }) => {
      return [id, { kind, at: rtpReceiver?.getSynchronizationSources()[0]?.timestamp }];
    }),
  );
}

async function arrived(transport: types.Transport, consumers: types.Consumer[]): Promise<Map<string, Mark>> {
  const byTrack = await inboundOf(transport);
  return new Map(consumers.map(({ id, kind, track }) => [id, { kind, at: byTrack.get(track.id)?.packetsReceived }]));
}

/** Voices rest while nobody speaks. */
function picturesFirst(consumers: types.Consumer[]): types.Consumer[] {
  return consumers.sort((one, other) => Number(one.kind === "audio") - Number(other.kind === "audio"));
}
