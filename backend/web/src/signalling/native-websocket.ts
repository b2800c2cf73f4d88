import { withCodeInReason } from "./refusal.ts";

type OnMessage = (event: { readonly data: unknown }) => void;

/**
 * Stands in for the `websocket` package in the bundle: a browser has a WebSocket of its own.
 *
 * protoo-client hands on a refusal's sentence and status alone; here its `code` comes along (see `refusal.ts`).
 */
export class w3cwebsocket extends WebSocket {
  #listener: OnMessage | null = null;

  constructor(url: string, protocol: string) {
    super(url, protocol);
    this.addEventListener("message", ({ data }: MessageEvent) => this.#listener?.({ data: withCodeInReason(data) }));
  }

  override set onmessage(listener: OnMessage | null) {
    this.#listener = listener;
  }
}
