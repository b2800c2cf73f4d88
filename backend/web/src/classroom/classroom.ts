import type { MessageItem, Page, Role, RoomChange } from "../api/types.ts";
import { backoffMs } from "../lib/backoff.ts";
import { ApiError, ConnectionLost, RequestError } from "../lib/errors.ts";
import { Store } from "../lib/store.ts";
import type { LocalMedia } from "../media/local-media.ts";
import { Connection } from "../signalling/connection.ts";
import type { ChatMessage, JoinAnswer, Request, RoomInfo } from "../signalling/messages.ts";
import { Chat } from "./chat.ts";
import { Door } from "./door.ts";
import { Moderation } from "./moderation.ts";
import { notificationHandlers } from "./notifications.ts";
import { EMPTY_ROSTER, producersById, type Roster, rosterOf, withHand, withProducersOf } from "./roster.ts";
import { SeatMedia } from "./seat-media.ts";
import { AT_FIRST, type ClassroomState, type Ending } from "./state.ts";

/** Leaving waits this long for the server's word, then goes anyway. */
const LEAVE_WITHIN_MS = 1000;

export interface ClassroomOptions {
  readonly roomId: string;
  readonly me: { readonly userId: string; readonly role: Role };
  readonly localMedia: LocalMedia;
  /** The invitation that one came by. */
  readonly invitation: string | null;
  /** A URL with a new ticket, for each try to connect. */
  readonly signallingUrl: () => Promise<string>;
  readonly loadMessages: (page: number) => Promise<Page<MessageItem>>;
  readonly changeRoom: (change: RoomChange) => Promise<unknown>;
}

/**
 * One seat in one class, from joining to leaving.
 *
 * Keeps a signalling connection, opening a new one with the resume token whenever it drops. Media does not depend on
 * the connection: it flows on while signalling is away.
 */
export class Classroom {
  readonly state = new Store<ClassroomState>(AT_FIRST);
  readonly options: ClassroomOptions;
  readonly media: SeatMedia;
  readonly chat: Chat;
  readonly moderation: Moderation;
  readonly door: Door;
  #connection: Connection | null = null;
  #resumeToken: string | undefined;
  #rebuild: (() => Promise<void>) | null = null;
  /** What the server said before it closed the connection for good. */
  #announced: Ending | null = null;
  #retryAfterMs = 0;
  readonly #unsubscribe: () => void;

  constructor(options: ClassroomOptions) {
    this.options = options;
    const { roomId, invitation, localMedia, loadMessages, changeRoom } = options;
    const patch = (change: Partial<ClassroomState>) => this.state.patch(change);
    this.door = new Door({ roomId, invitation, onWait: (phase) => patch({ phase }) });
    this.chat = new Chat({
      request: this.#request,
      loadPage: loadMessages,
      isOwn: (message) => this.wrote(message),
    });
    this.moderation = new Moderation(this.#request, changeRoom);
    this.media = new SeatMedia({
      localMedia,
      request: this.#request,
      onReceived: patch,
      onConnection: patch,
      onRefused: () => patch({ mayPublish: false }),
      onSilenced: (producerId) => this.mutedByServer(producerId),
    });
    this.#unsubscribe = localMedia.state.subscribe(() => this.#publish());
    addEventListener("online", this.#networkChanged);
  }

  /** Join, and stay until the class is over for us. Never rejects: what went wrong is in the state. */
  async run(): Promise<void> {
    for (let attempt = 0; !this.#over; attempt++) {
      const answer = await this.#join();
      if (answer && !this.#over) {
        attempt = 0;
        await this.#adopt(answer).catch((error: unknown) => this.#adoptFailed(error));
      }
      if ((await this.#ended()) === "final") this.end(this.#announced ?? { why: "replaced" });
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

  /** Put our hand up or down. Throws what `Request` does. */
  async raiseHand(raised: boolean): Promise<void> {
    await this.#request("raise-hand", { raised });
    this.state.patch({ handRaisedAt: raised ? Date.now() : null });
  }

  /** Whether a message is our own, from this seat or an earlier one. */
  wrote({ participantId, userId }: ChatMessage): boolean {
    return participantId === this.state.value.participantId || userId === this.options.me.userId;
  }

  end(ending: Ending): void {
    if (this.#over) return;
    this.#unsubscribe();
    removeEventListener("online", this.#networkChanged);
    this.media.close();
    this.options.localMedia.close();
    this.#connection?.close();
    this.state.patch({ phase: { name: "ended", ending }, others: EMPTY_ROSTER, waiting: [], speakerId: null });
  }

  /** The server will end the connection and this is why. */
  announce(ending: Ending): void {
    this.#announced = ending;
  }

  /** Everyone else, as of now; what they send is received from here on. */
  setOthers(others: Roster): void {
    this.state.patch({ others });
    this.media.want(producersById(others));
  }

  setRoom(room: RoomInfo): void {
    const { userId, role } = this.options.me;
    const mayPublish = role !== "student" || room.studentsMayPublish || room.ownerId === userId;
    this.state.patch({ room, mayPublish });
    this.#publish();
  }

  /** A hand, our own or another's, went up or down. */
  handChanged(participantId: string, raisedAt: number | null): void {
    if (participantId === this.state.value.participantId) this.state.patch({ handRaisedAt: raisedAt });
    else this.state.patch({ others: withHand(this.state.value.others, participantId, raisedAt) });
  }

  mutedByServer(producerId: string): void {
    const kind = this.media.deviceOf(producerId);
    if (!kind) return;
    this.options.localMedia.turnOff(kind);
    if (kind === "microphone") this.state.patch({ mutedByTeacher: true });
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
    try {
      this.#connection = await Connection.open(await this.options.signallingUrl(), notificationHandlers(this));
      if (!this.#over) return await this.door.enter(this.#connection, this.#resumeToken);
      this.#connection.close();
    } catch (error) {
      const ending = endingOf(error);
      if (ending) this.end(ending);
      else if (error instanceof RequestError && error.status === 503) this.state.patch({ mediaServer: "down" });
      if (!(error instanceof ConnectionLost)) this.#connection?.close();
    }
    return null;
  }

  async #ended(): Promise<"lost" | "final"> {
    return (await this.#connection?.ended) ?? "lost";
  }

  async #adopt(answer: JoinAnswer): Promise<void> {
    const { participantId, resumed, participants, self, room } = answer;
    this.#resumeToken = answer.resumeToken;
    this.#retryAfterMs = 0;
    this.#rebuild = () => this.#buildMedia(answer);
    const before = resumed ? this.state.value : AT_FIRST;
    const handRaisedAt = self?.handRaised ? (self.handRaisedAt ?? before.handRaisedAt ?? Date.now()) : null;
    const fresh = { participantId, handRaisedAt, waiting: [], mediaServer: "up", serverRestarting: false } as const;
    this.state.patch({ phase: { name: "joined" }, ...fresh });
    if (!resumed) this.media.close();
    const others = rosterOf(participants, before.others);
    this.setOthers(answer.mediaUnknown ? withProducersOf(others, before.others) : others);
    this.setRoom(room);
    void this.chat.catchUp();
    if (!this.media.running) return this.#buildMedia(answer);
    if (!answer.mediaUnknown) await this.media.resume(self);
  }

  #adoptFailed(error: unknown): void {
    if ((error as Error).name === "UnsupportedError") this.end({ why: "unsupported" });
    else this.#connection?.close();
  }

  async #buildMedia(answer: JoinAnswer): Promise<void> {
    if (this.#over) return;
    await this.media.build(answer);
    this.#publish();
  }

  #publish(): void {
    const { localMedia } = this.options;
    if (localMedia.state.value.microphone.on) this.state.patch({ mutedByTeacher: false });
    if (!this.state.value.mayPublish) {
      localMedia.turnOff("microphone");
      localMedia.turnOff("camera");
    }
    this.media.publish();
  }

  readonly #networkChanged = (): void => {
    this.media.networkChanged();
    // It may look open for minutes although nothing gets through any more.
    void this.#connection?.check();
  };

  async #pause(attempt: number): Promise<void> {
    this.state.patch({ phase: { name: "reconnecting" } });
    // Everybody is told the same time to come back; they must not come in the same instant.
    const wait = Math.max(backoffMs(attempt), this.#retryAfterMs + backoffMs(0));
    this.#retryAfterMs = 0;
    const over = new AbortController();
    await new Promise<void>((resolve) => {
      setTimeout(resolve, wait);
      addEventListener("online", () => resolve(), { signal: over.signal });
    });
    over.abort();
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
