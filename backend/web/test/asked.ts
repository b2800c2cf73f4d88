/** A server for tests that notes what it is asked and answers when told to. */
import type { Request } from "../src/signalling/messages.ts";

export class Asked {
  readonly calls: string[] = [];
  /** What is thrown instead of answering. */
  failure: Error | null = null;
  /** While set, answers wait for it. */
  gate: Promise<void> | null = null;

  readonly request: Request = async (method, data) => {
    const { spatialLayer } = data as { spatialLayer?: number };
    this.calls.push(spatialLayer === undefined ? method : `${method} ${spatialLayer}`);
    await this.gate;
    if (this.failure) throw this.failure;
    return { iceParameters: {} } as never;
  };

  /** Return the calls since the last time. */
  take(): string[] {
    return this.calls.splice(0);
  }
}

/** Let everything run that waits for nothing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
