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

/** A signalling request was refused; `status` is HTTP-like. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The signalling connection went away before the answer came. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";

  constructor() {
    super("The connection to the classroom was lost.");
  }
}

/** A sentence for a person, whatever was thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError || error instanceof NetworkError || error instanceof RequestError) return error.message;
  return "Something went wrong. Please try again.";
}
