import type { types } from "mediasoup-client";

/** The part of an inbound-rtp report that is looked at; browsers leave out what they do not count. */
export interface Inbound {
  readonly type: string;
  readonly trackIdentifier: string;
  readonly timestamp: number;
  readonly packetsReceived?: number;
  readonly nackCount?: number;
  readonly freezeCount?: number;
}

/** What a browser has counted of all that a transport receives, by track id. */
export async function inboundOf(transport: types.Transport): Promise<Map<string, Inbound>> {
  const byTrack = new Map<string, Inbound>();
  (await transport.getStats()).forEach((report: Inbound) => {
    if (report.type === "inbound-rtp") byTrack.set(report.trackIdentifier, report);
  });
  return byTrack;
}
