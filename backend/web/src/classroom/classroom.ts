import { Device } from "mediasoup-client";
import { backoffMs } from "../lib/backoff.ts";
import { ApiError, ConnectionLost, RequestError } from "../lib/errors.ts";
import { Store } from "../lib/store.ts";
import type { LocalMedia } from "../media/local-media.ts";
import { Publisher } from "../media/publisher.ts";
import type { View } from "../media/reception.ts";
import { Subscriber } from "../media/subscriber.ts";
import { Connection } from "../signalling/connection.ts";
import type { JoinAnswer, Request, RoomInfo } from "../signalling/messages.ts";
import { notificationHandlers } from "./notifications.ts";
import { EMPTY_ROSTER, producersById, type Roster, rosterOf } from "./roster.ts";
import type { ClassroomState, Ending } from "./state.ts";

/** Leaving waits this long for the server's word, then goes anyway. */
const LEAVE_WITHIN_MS = 1000;

export interface ClassroomOptions {
  readonly roomId: string;
  readonly me: { readonly userId: string; readonly isStudent: boolean };
  readonly localMedia: LocalMedia;
  /** A URL with a new ticket, for each try to connect. */
  readonly signallingUrl: () => Promise<string>;
}

/**
 * One seat in one class, from joining to leaving.
 *
 * Keeps a signalling connection, opening a new one with the resume token whenever it drops, and tells publisher and
 * subscriber what to work towards. Media does not depend on the connection: it flows on while signalling is away.
 */
export class Classroom {
  readonly state = new Store<ClassroomState>({
    phase: { name: "joining" },
    room: null,
    participantId: null,
    others: EMPTY_ROSTER,
    tracks: new Map(),
    stalled: new Set(),
    speakerId: null,
    mediaServer: "up",
    serverRestarting: false,
    sending: "new",
    receiving: "new",
    mayPublish: true,
    soundBlocked: false,
    mutedByTeacher: false,
  });
  readonly options: ClassroomOptions;
  #connection: Connection | null = null;
  #resumeToken: string | undefined;
  #publisher: Publisher | null = null;
  #subscriber: Subscriber | null = null;
  #rebuild: (() => Promise<void>) | null = null;
  /** Counts the times that media was made anew, so that one which another overtook can tell. */
  #builds = 0;
  /** What the server said before it closed the connection for good. */
  #announced: Ending | null = null;
  #retryAfterMs = 0;
  readonly #unsubscribe: () => void;

  constructor(options: ClassroomOptions) {
    this.options = options;
    this.#unsubscribe = options.localMedia.state.subscribe(() => this.#publish());
    addEventListener("online", this.#networkChanged);
  }

  /** Join, and stay until the class is over for us. Never rejects: what went wrong is in the state. */
  async run(): Promise<void> {
    for (let attempt = 0; !this.#over; attempt++) {
      const answer = await this.#join();
      if (answer) {
        attempt = 0;
        await this.#adopt(answer).catch((error: unknown) => this.#adoptFailed(error));
        if ((await this.#connection?.ended) === "final") this.end(this.#announced ?? { why: "replaced" });
      }
      this.#connection = null;
      if (!this.#over) await this.#pause(attempt);
    }
  }

  /** Give the seat back and end. */
  async leave(): Promise<void> {
    const left = this.#request("leave-room", {}).catch(() => undefined);
    await Promise.race([left, new Promise((resolve) => setTimeout(resolve, LEAVE_WITHIN_MS))]);
    this.end({ why: "left" });
  }

  /** Give the seat back while the page is going away and nothing can be waited for. */
  abandon(): void {
    this.#request("leave-room", {}).catch(() => undefined);
    this.end({ why: "left" });
  }

  end(ending: Ending): void {
    if (this.#over) return;
    this.#unsubscribe();
    removeEventListener("online", this.#networkChanged);
    this.#closeMedia();
    this.options.localMedia.close();
    this.#connection?.close();
    this.state.patch({ phase: { name: "ended", ending }, others: EMPTY_ROSTER, speakerId: null });
  }

  /** The server will end the connection and this is why. */
  announce(ending: Ending): void {
    this.#announced = ending;
  }

  /** Everyone else, as of now; what they send is received from here on. */
  setOthers(others: Roster): void {
    this.state.patch({ others });
    this.#subscriber?.want(producersById(others));
  }

  setRoom(room: RoomInfo): void {
    const { userId, isStudent } = this.options.me;
    const mayPublish = !isStudent || room.studentsMayPublish || room.ownerId === userId;
    this.state.patch({ room, mayPublish });
    this.#publish();
  }

  /** A picture of somebody else's is shown in this size, or nowhere. */
  show(producerId: string, view: View): void {
    this.#subscriber?.show(producerId, view);
  }

  consumerLayersChanged(consumerId: string, spatialLayer: number | null): void {
    this.#subscriber?.layersChanged(consumerId, spatialLayer);
  }

  producerLayersWanted(producerId: string, spatialLayer: number | null): void {
    this.#publisher?.layersWanted(producerId, spatialLayer);
  }

  consumerClosed(consumerId: string, producerId: string): void {
    this.#subscriber?.consumerClosed(consumerId, producerId);
  }

  mutedByServer(producerId: string): void {
    const kind = this.#publisher?.deviceOf(producerId);
    if (!kind) return;
    this.options.localMedia.turnOff(kind);
    if (kind === "microphone") this.state.patch({ mutedByTeacher: true });
  }

  /** The server ended something of ours that we did not end. */
  producerClosed(producerId: string): void {
    this.#publisher?.producerClosed(producerId);
  }

  /** The media server holds nothing of ours any more: make everything anew. */
  async mediaServerRestarted(): Promise<void> {
    this.state.patch({ mediaServer: "restarted" });
    await this.#rebuild?.();
    this.state.patch({ mediaServer: "up" });
  }

  serverGoesDown(retryAfterMs: number): void {
    this.#retryAfterMs = retryAfterMs;
    this.state.patch({ serverRestarting: true });
  }

  get #over(): boolean {
    return this.state.value.phase.name === "ended";
  }

  #request: Request = (method, data) => {
    return this.#connection ? this.#connection.request(method, data) : Promise.reject(new ConnectionLost());
  };

  /** Open a connection and take a seat; null when that failed, and the class is over if trying again is no use. */
  async #join(): Promise<JoinAnswer | null> {
    const { roomId, signallingUrl } = this.options;
    try {
      const connection = await Connection.open(await signallingUrl(), notificationHandlers(this));
      this.#connection = connection;
      const resumeToken = this.#resumeToken;
      const answer = await connection.request("join-room", resumeToken ? { roomId, resumeToken } : { roomId });
      if (!this.#over) return answer;
      connection.close();
    } catch (error) {
      this.#connection?.close();
      const ending = endingOf(error);
      if (ending) this.end(ending);
      else if (error instanceof RequestError && error.status === 503) this.state.patch({ mediaServer: "down" });
    }
    return null;
  }

  async #adopt(answer: JoinAnswer): Promise<void> {
    this.#resumeToken = answer.resumeToken;
    this.#retryAfterMs = 0;
    const { participantId } = answer;
    this.state.patch({ phase: { name: "joined" }, participantId, mediaServer: "up", serverRestarting: false });
    this.#rebuild = () => this.#buildMedia(answer);
    if (!answer.resumed || !this.#subscriber) this.#closeMedia();
    this.setOthers(rosterOf(answer.participants));
    this.setRoom(answer.room);
    if (!this.#subscriber) return this.#buildMedia(answer);
    this.#publisher?.resume(answer.self?.producers ?? []);
    await this.#subscriber.resume();
  }

  #adoptFailed(error: unknown): void {
    if ((error as Error).name === "UnsupportedError") this.end({ why: "unsupported" });
    else this.#connection?.close();
  }

  async #buildMedia({ routerRtpCapabilities, iceServers }: JoinAnswer): Promise<void> {
    this.#closeMedia();
    const turn = ++this.#builds;
    const device = await Device.factory();
    await device.load({ routerRtpCapabilities });
    if (this.#over || turn !== this.#builds) return;
    const context = { device, iceServers, request: this.#request };
    this.#subscriber = new Subscriber(context, {
      onTracks: (tracks) => this.state.patch({ tracks }),
      onStalled: (stalled) => this.state.patch({ stalled }),
      onState: (receiving) => this.state.patch({ receiving }),
    });
    this.#publisher = new Publisher(context, this.options.localMedia.state.value, {
      onState: (sending) => this.state.patch({ sending }),
      onRefused: () => this.state.patch({ mayPublish: false }),
    });
    this.#subscriber.want(producersById(this.state.value.others));
    this.#publish();
  }

  #publish(): void {
    const { localMedia } = this.options;
    if (localMedia.state.value.microphone.on) this.state.patch({ mutedByTeacher: false });
    if (!this.state.value.mayPublish) {
      localMedia.turnOff("microphone");
      localMedia.turnOff("camera");
    }
    this.#publisher?.want(localMedia.state.value);
  }

  readonly #networkChanged = (): void => {
    this.#publisher?.networkChanged();
    void this.#subscriber?.networkChanged();
  };

  #closeMedia(): void {
    this.#publisher?.close();
    this.#subscriber?.close();
    this.#publisher = null;
    this.#subscriber = null;
  }

  async #pause(attempt: number): Promise<void> {
    this.state.patch({ phase: { name: "reconnecting" } });
    const wait = Math.max(backoffMs(attempt), this.#retryAfterMs);
    this.#retryAfterMs = 0;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, wait);
      addEventListener("online", () => resolve(), { once: true });
    });
  }
}

/** The refusals that trying again cannot mend. */
function endingOf(error: unknown): Ending | null {
  if (error instanceof ApiError && error.status === 401) return { why: "signed-out" };
  if (error instanceof RequestError && [400, 403, 404, 409].includes(error.status)) {
    return { why: "refused", sentence: error.message };
  }
  return null;
}
