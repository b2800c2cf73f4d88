/** A REST call was refused. `code` is the stable name, `message` a sentence for a person, `details` messages by field. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** The server could not be reached at all. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";

  constructor() {
    super("The server cannot be reached. Check your connection and try again.");
  }
}

/** A signalling request was refused; `status` is HTTP-like, `code` and `details` are as in `ApiError`. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, code = "UNKNOWN", details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** The signalling connection went away before the answer came. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";

  constructor() {
    super("The connection to the classroom is away. Try again in a moment.");
  }
}

/** A sentence for a person, whatever was thrown. */
export function sentenceOf(error: unknown): string {
  return OURS.some((kind) => error instanceof kind) ? (error as Error).message : "Something went wrong. Please try again.";
}

/** What the server refused something for, or null when it did not. */
export function codeOf(error: unknown): string | null {
  return error instanceof ApiError || error instanceof RequestError ? error.code : null;
}

const OURS = [ApiError, NetworkError, RequestError, ConnectionLost];
