/** The part of protoo-client 4 that this page uses; the package ships no types. */
declare module "protoo-client" {
  export class WebSocketTransport {
    constructor(url: string, options?: { retry?: { retries: number } });
  }

  export class Peer {
    constructor(transport: WebSocketTransport);
    readonly closed: boolean;
    request(method: string, data?: object): Promise<unknown>;
    close(): void;
    on(event: "open" | "failed" | "disconnected" | "close", listener: () => void): void;
    on(event: "notification", listener: (message: { method: string; data: unknown }) => void): void;
  }
}
