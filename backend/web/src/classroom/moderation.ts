import type { RoomChange } from "../api/types.ts";
import { sentenceOf } from "../lib/errors.ts";
import { Store } from "../lib/store.ts";
import type { Request } from "../signalling/messages.ts";

export interface ModerationState {
  /** Why the last thing did not work; null when it did. */
  readonly problem: string | null;
}

/** What who runs a class may do in it. The server decides who may; what it refuses is in the state. */
export class Moderation {
  readonly state = new Store<ModerationState>({ problem: null });
  readonly #request: Request;
  readonly #changeRoom: (change: RoomChange) => Promise<unknown>;

  constructor(request: Request, changeRoom: (change: RoomChange) => Promise<unknown>) {
    this.#request = request;
    this.#changeRoom = changeRoom;
  }

  mute(participantId: string): Promise<void> {
    return this.#try(() => this.#request("mute-participant", { participantId, kind: "audio" }));
  }

  kick(participantId: string): Promise<void> {
    return this.#try(() => this.#request("kick-participant", { participantId }));
  }

  lowerHand(participantId: string): Promise<void> {
    return this.#try(() => this.#request("lower-hand", { participantId }));
  }

  lowerAllHands(): Promise<void> {
    return this.#try(() => this.#request("lower-hand", { all: true }));
  }

  admit(waitingId: string): Promise<void> {
    return this.#try(() => this.#request("admit-participant", { waitingId }));
  }

  admitAll(): Promise<void> {
    return this.#try(() => this.#request("admit-participant", { all: true }));
  }

  deny(waitingId: string): Promise<void> {
    return this.#try(() => this.#request("deny-participant", { waitingId }));
  }

  lock(locked: boolean): Promise<void> {
    return this.#try(() => this.#request("lock-room", { locked }));
  }

  /** Change other rules of the class, which all of it hears of. */
  change(rules: RoomChange): Promise<void> {
    return this.#try(() => this.#changeRoom(rules));
  }

  /** End the class for everybody, oneself too. */
  closeRoom(): Promise<void> {
    return this.#try(() => this.#request("close-room", {}));
  }

  async #try(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
      this.state.patch({ problem: null });
    } catch (error) {
      this.state.patch({ problem: sentenceOf(error) });
    }
  }
}
