import { Peer, WebSocketTransport } from "protoo-client";
import { ConnectionLost } from "../lib/errors.ts";
import type { NotificationHandlers, Notifications, Request, Requests } from "./messages.ts";
import { refusalOf } from "./refusal.ts";

/** How a connection ended: `lost` may be opened anew with a new ticket, `final` (close code 4000) must not be. */
export type Ending = "lost" | "final";

/** A server that is up answers in a fraction; a browser alone would wait for minutes. */
const OPEN_WITHIN_MS = 5000;
/** An answer to a question that costs the server nothing. */
const ALIVE_WITHIN_MS = 3000;

/**
 * One signalling socket, used once.
 *
 * protoo-client would come back to the same URL by itself, where the used ticket fails; so it is told not to try, and
 * whoever opened this connection opens another one.
 */
export class Connection {
  readonly #peer: Peer;
  /** Settles when the connection is over, however it ended. */
  readonly ended: Promise<Ending>;
  #end: (ending: Ending) => void = () => undefined;
  #checking = false;

  private constructor(peer: Peer) {
    this.#peer = peer;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Open a socket; rejects with `ConnectionLost` when it cannot be opened. */
  static open(url: string, handlers: NotificationHandlers): Promise<Connection> {
    const peer = new Peer(new WebSocketTransport(url, { retry: { retries: 0 } }));
    const connection = new Connection(peer);
    peer.on("notification", ({ method, data }) => dispatch(handlers, method, data));
    return new Promise((resolve, reject) => {
      const giveUp = (ending: Ending) => {
        clearTimeout(timer);
        connection.#end(ending);
        peer.close();
        reject(new ConnectionLost());
      };
      const timer = setTimeout(() => giveUp("lost"), OPEN_WITHIN_MS);
      peer.on("open", () => {
        clearTimeout(timer);
        resolve(connection);
      });
      peer.on("failed", () => giveUp("lost"));
      peer.on("disconnected", () => giveUp("lost"));
      // Emitted by itself only for close code 4000; after the others the connection has ended already.
      peer.on("close", () => giveUp("final"));
    });
  }

  request: Request = async <M extends keyof Requests>(method: M, data: Requests[M]["data"]) => {
    const answer = this.#peer.request(method, data).catch((error: unknown) => {
      throw this.#refusal(error);
    });
    // A request still open when the server ends the connection is not settled by protoo-client.
    const over = this.ended.then<never>(() => Promise.reject(new ConnectionLost()));
    over.catch(() => undefined);
    return (await Promise.race([answer, over])) as Requests[M]["answer"];
  };

  /** Find out whether the server still hears us, as after a change of network; one that does not answer is lost. */
  async check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    const timer = setTimeout(() => this.close(), ALIVE_WITHIN_MS);
    // Any answer will do, a refusal as well.
    await this.request("get-participants", {}).catch(() => undefined);
    clearTimeout(timer);
    this.#checking = false;
  }

  /** Drop the socket, as `lost` unless it had ended before. */
  close(): void {
    this.#end("lost");
    this.#peer.close();
  }

  #refusal(error: unknown): Error {
    const status = (error as { code?: unknown }).code;
    if (typeof status === "number") return refusalOf(status, (error as Error).message);
    // No answer within protoo-client's time limit or a socket that cannot send: it is dead though it looks open.
    this.close();
    return new ConnectionLost();
  }
}

function dispatch(handlers: NotificationHandlers, method: string, data: unknown): void {
  // A newer server may say more than this page understands.
  if (!Object.hasOwn(handlers, method)) return;
  const known = method as keyof Notifications;
  (handlers[known] as (value: unknown) => void)(data);
}
