import { ApiError, NetworkError } from "../lib/errors.ts";

const API = "/api/v1";

/** A server that takes longer is out of reach: a browser alone would wait for minutes. */
const ANSWER_WITHIN_MS = 10_000;

export interface Call {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly body?: object;
  readonly token?: string | null;
  /** Milliseconds after which the server counts as out of reach. */
  readonly withinMs?: number;
}

/**
 * Make one REST call and return its JSON answer; null when there is none. Throws `ApiError` when refused,
 * `NetworkError` when unreachable.
 */
export async function call<T>(path: string, options: Call = {}): Promise<T> {
  const response = await ask(path, options);
  return (await response.json().catch(() => null)) as T;
}

/** Make one REST call and return its answer as a file. Throws as `call` does. */
export async function download(path: string, options: Call = {}): Promise<Blob> {
  const response = await ask(path, options);
  return response.blob();
}

async function ask(path: string, { method = "GET", body, token, withinMs = ANSWER_WITHIN_MS }: Call): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json, text/csv" };
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers["Authorization"] = `Bearer ${token}`;
  const signal = AbortSignal.timeout(withinMs);
  let response: Response;
  try {
    response = await fetch(API + path, { method, headers, signal, ...(body && { body: JSON.stringify(body) }) });
  } catch {
    throw new NetworkError();
  }
  if (!response.ok) throw refusal(response.status, await response.json().catch(() => null));
  return response;
}

function refusal(status: number, answer: unknown): ApiError {
  const { error, code, details } = (answer ?? {}) as { error?: string; code?: string; details?: Record<string, unknown> };
  return new ApiError(status, code ?? "UNKNOWN", error ?? `The server answered with status ${status}.`, details);
}

/** A query string of the given values; what is empty is left out. */
export function query(values: Readonly<Record<string, string | number | boolean | null | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}
