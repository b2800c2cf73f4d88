import { ApiError, NetworkError } from "../lib/errors.ts";

const API = "/api/v1";

export interface Call {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly body?: object;
  readonly token?: string | null;
}

/** Make one REST call and return its JSON answer. Throws `ApiError` when refused, `NetworkError` when unreachable. */
export async function call<T>(path: string, { method = "GET", body, token }: Call = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers["Authorization"] = `Bearer ${token}`;
  let response: Response;
  try {
    response = await fetch(API + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  } catch {
    throw new NetworkError();
  }
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response.status, answer);
  return answer as T;
}

function refusal(status: number, answer: unknown): ApiError {
  const { error, code, details } = (answer ?? {}) as { error?: string; code?: string; details?: Record<string, unknown> };
  return new ApiError(status, code ?? "UNKNOWN", error ?? `The server answered with status ${status}.`, details);
}
