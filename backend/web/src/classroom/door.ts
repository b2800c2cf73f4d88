import { ConnectionLost, RequestError } from "../lib/errors.ts";
import type { Connection } from "../signalling/connection.ts";
import type { JoinAnswer } from "../signalling/messages.ts";
import type { AtTheDoor } from "./state.ts";

/** Refusals that a password, or another one, may turn; with what is said of them. */
const PASSWORD_ASKED: Readonly<Record<string, (sentence: string) => string | null>> = {
  ROOM_PASSWORD_REQUIRED: () => null,
  WRONG_ROOM_PASSWORD: () => "That is not the password. Try again.",
  TOO_MANY_ATTEMPTS: (sentence) => sentence,
};

export interface DoorOptions {
  readonly roomId: string;
  /** From the link that one came by. */
  readonly invitation: string | null;
  readonly onWait: (phase: AtTheDoor) => void;
}

/**
 * The way to a seat: asks for it until the server gives one, with a password where it wants one, and after waiting
 * to be let in. What was given once is given again when one comes back.
 */
export class Door {
  readonly #options: DoorOptions;
  #invitation: string | null;
  #password: string | undefined;
  #passwordGiven: () => void = () => undefined;
  #admitted: () => void = () => undefined;
  #admission: Promise<void> = Promise.resolve();

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#invitation = options.invitation;
  }

  /** Take a seat. Throws `RequestError` when there is none for us, `ConnectionLost` when one must connect anew. */
  async enter(connection: Connection, resumeToken: string | undefined): Promise<JoinAnswer> {
    for (;;) {
      this.#admission = new Promise((resolve) => {
        this.#admitted = resolve;
      });
      try {
        return await connection.request("join-room", this.#wish(resumeToken));
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        await this.#satisfy(error, connection);
      }
    }
  }

  /** The server lets us in. */
  admitted(): void {
    this.#admitted();
  }

  givePassword(password: string): void {
    this.#password = password;
    this.#options.onWait({ name: "password", problem: null, checking: true });
    this.#passwordGiven();
  }

  #wish(resumeToken: string | undefined) {
    const password = this.#password;
    const invitation = this.#invitation;
    return {
      roomId: this.#options.roomId,
      ...(resumeToken && { resumeToken }),
      ...(password && { password }),
      ...(invitation && { invitation }),
    };
  }

  /** Wait until it is worth asking again. */
  async #satisfy(refusal: RequestError, connection: Connection): Promise<void> {
    if (refusal.code === "INVALID_INVITATION" && this.#invitation) {
      // It is withdrawn or too old; the class may be open without one, or have a password.
      this.#invitation = null;
      return;
    }
    if (refusal.code === "WAITING_FOR_ADMISSION") {
      this.#options.onWait({ name: "waiting" });
      return unlessLost(connection, this.#admission);
    }
    const problem = PASSWORD_ASKED[refusal.code];
    if (!problem) throw refusal;
    const given = new Promise<void>((resolve) => {
      this.#passwordGiven = resolve;
    });
    this.#options.onWait({ name: "password", problem: problem(refusal.message), checking: false });
    return unlessLost(connection, given);
  }
}

function unlessLost(connection: Connection, wait: Promise<void>): Promise<void> {
  const lost = connection.ended.then<never>(() => Promise.reject(new ConnectionLost()));
  return Promise.race([wait, lost]);
}
