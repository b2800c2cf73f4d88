/** What goes over the signalling socket: every request with its answer, and every notification. */
import type { types } from "mediasoup-client";
import type { Role } from "../api/types.ts";

export type MediaKind = types.MediaKind;

export interface ProducerInfo {
  readonly producerId: string;
  readonly kind: MediaKind;
  readonly paused: boolean;
}

export interface ParticipantInfo {
  readonly participantId: string;
  readonly userId: string;
  readonly fullName: string;
  readonly role: Role;
  readonly joinedAt: number;
  readonly producers?: readonly ProducerInfo[];
}

export interface RoomInfo {
  readonly name: string;
  readonly isLocked: boolean;
  readonly studentsMayPublish: boolean;
  readonly ownerId: string;
}

export interface JoinAnswer {
  readonly roomId: string;
  readonly participantId: string;
  readonly resumeToken: string;
  readonly resumed: boolean;
  /** The others. */
  readonly participants: readonly ParticipantInfo[];
  /** Oneself, with what the server holds of ours. */
  readonly self?: ParticipantInfo;
  readonly routerRtpCapabilities: types.RtpCapabilities;
  readonly iceServers: RTCIceServer[];
  readonly room: RoomInfo;
}

export interface TransportInfo {
  readonly transportId: string;
  readonly iceParameters: types.IceParameters;
  readonly iceCandidates: types.IceCandidate[];
  readonly dtlsParameters: types.DtlsParameters;
}

export interface ConsumerInfo {
  readonly consumerId: string;
  readonly producerId: string;
  readonly participantId: string;
  readonly kind: MediaKind;
  readonly rtpParameters: types.RtpParameters;
  /** Whatever its sender said of it. */
  readonly appData?: unknown;
}

type Nothing = Record<string, never>;
type ById<Name extends string> = { readonly [key in Name]: string };

export interface Requests {
  "join-room": { data: { roomId: string; resumeToken?: string }; answer: JoinAnswer };
  "leave-room": { data: Nothing; answer: Nothing };
  "create-transport": { data: { direction: "send" | "recv" }; answer: TransportInfo };
  "connect-transport": { data: { transportId: string; dtlsParameters: types.DtlsParameters }; answer: object };
  "restart-ice": { data: ById<"transportId">; answer: { readonly iceParameters: types.IceParameters } };
  "close-transport": { data: ById<"transportId">; answer: object };
  produce: {
    data: { transportId: string; kind: MediaKind; rtpParameters: types.RtpParameters; appData: object };
    answer: { producerId: string };
  };
  "pause-producer": { data: ById<"producerId">; answer: object };
  "resume-producer": { data: ById<"producerId">; answer: object };
  "close-producer": { data: ById<"producerId">; answer: object };
  consume: {
    data: {
      transportId: string;
      producerId: string;
      rtpCapabilities: types.RtpCapabilities;
      paused: true;
      preferredLayers: { spatialLayer: number };
    };
    answer: ConsumerInfo;
  };
  "pause-consumer": { data: ById<"consumerId">; answer: object };
  "resume-consumer": { data: ById<"consumerId">; answer: object };
  "set-preferred-layers": { data: { consumerId: string; spatialLayer: number }; answer: object };
}

export interface Notifications {
  "participant-joined": { participant: ParticipantInfo };
  "participant-left": { participantId: string };
  "new-producer": ProducerInfo & { participantId: string };
  "producer-paused": { producerId: string; participantId: string };
  "producer-resumed": { producerId: string; participantId: string };
  "producer-closed": { producerId: string; participantId: string };
  "consumer-closed": { consumerId: string; producerId: string };
  /** What the server sends of a video now; null: nothing. */
  "consumer-layers-changed": { consumerId: string; spatialLayer: number | null };
  /** The highest layer of ours that anybody watches; null: nobody watches. */
  "producer-layers-wanted": { producerId: string; spatialLayer: number | null };
  "active-speaker": { participantId: string };
  muted: { producerId: string };
  kicked: object;
  "room-updated": { room: RoomInfo };
  "room-closed": { reason?: string };
  "sfu-unavailable": object;
  "sfu-available": object;
  "sfu-restarted": object;
  "server-shutdown": { retryAfter?: number };
}

/** Sends one request over whatever connection there is; rejects with `RequestError` or `ConnectionLost`. */
export type Request = <M extends keyof Requests>(
  method: M,
  data: Requests[M]["data"],
) => Promise<Requests[M]["answer"]>;

export type NotificationHandlers = { readonly [M in keyof Notifications]: (data: Notifications[M]) => void };
