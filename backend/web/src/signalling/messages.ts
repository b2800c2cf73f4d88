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
  readonly handRaised?: boolean;
  /** When, in Unix milliseconds; it gives the order of the hands. */
  readonly handRaisedAt?: number | null;
  readonly producers?: readonly ProducerInfo[];
}

/** Oneself, with all that the seat holds: what we do not know was made by a request whose answer was lost. */
export interface OneselfInfo extends ParticipantInfo {
  readonly transports?: readonly { readonly transportId: string }[];
  readonly consumers?: readonly { readonly consumerId: string; readonly producerId: string }[];
}

export interface RoomInfo {
  readonly name: string;
  readonly isLocked: boolean;
  readonly studentsMayPublish: boolean;
  readonly ownerId: string | null;
  readonly waitingRoom?: boolean;
  readonly maxParticipants?: number;
  readonly oneSeatPerUser?: boolean;
}

/** Somebody at the door. */
export interface WaitingInfo {
  readonly waitingId: string;
  readonly userId: string;
  readonly fullName: string;
  readonly role: Role;
  /** Unix milliseconds. */
  readonly since: number;
}

export interface ChatMessage {
  readonly id: string;
  readonly participantId: string;
  readonly userId?: string | null;
  readonly fullName: string;
  readonly text: string;
  /** Unix milliseconds. */
  readonly sentAt: number;
}

export interface JoinAnswer {
  readonly roomId: string;
  readonly participantId: string;
  readonly resumeToken: string;
  readonly resumed: boolean;
  /** The others. */
  readonly participants: readonly ParticipantInfo[];
  readonly self?: OneselfInfo;
  /** The server cannot tell now who sends and receives what; it goes on. */
  readonly mediaUnknown?: boolean;
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
type All = { readonly all: true };
type ById<Name extends string> = { readonly [key in Name]: string };

export interface Requests {
  "join-room": {
    data: { roomId: string; resumeToken?: string; password?: string; invitation?: string };
    answer: JoinAnswer;
  };
  "leave-room": { data: Nothing; answer: Nothing };
  "get-participants": { data: Nothing; answer: { readonly participants: readonly ParticipantInfo[] } };
  "chat-message": { data: { text: string }; answer: { readonly id: string; readonly sentAt: number } };
  "raise-hand": { data: { raised: boolean }; answer: object };
  "lower-hand": { data: ById<"participantId"> | All; answer: object };
  "mute-participant": { data: { participantId: string; kind?: MediaKind }; answer: object };
  "kick-participant": { data: ById<"participantId">; answer: object };
  "lock-room": { data: { locked: boolean }; answer: object };
  "close-room": { data: Nothing; answer: object };
  "admit-participant": { data: ById<"waitingId"> | All; answer: object };
  "deny-participant": { data: ById<"waitingId">; answer: object };
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
  "close-consumer": { data: ById<"consumerId">; answer: object };
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
  "participant-updated": { participantId: string; handRaised?: boolean; handRaisedAt?: number | null };
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
  "chat-message": ChatMessage;
  /** Everybody at the door; only for who runs the room. */
  "waiting-updated": { waiting: readonly WaitingInfo[] };
  /** We may come in now: join again. */
  admitted: object;
  "admission-denied": object;
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
