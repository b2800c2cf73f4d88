/**
 * Refusals with their `code` and `details`, which protoo-client drops: it reads the sentence of a refusal and its
 * status only. So the whole refusal travels through it in the place of the sentence.
 */
import { RequestError } from "../lib/errors.ts";

/** What a refusal looks like, at little cost; a chat message may look alike. */
const LOOKS_REFUSED = /"ok":\s*false/;

interface Carried {
  readonly reason?: string;
  readonly code?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A message as it came; in a refusal the reason is replaced by JSON of all that it says. */
export function withCodeInReason(text: unknown): unknown {
  if (typeof text !== "string" || !LOOKS_REFUSED.test(text)) return text;
  const message = JSON.parse(text) as { response?: boolean; ok?: boolean; errorReason?: string } & Carried;
  if (!message.response || message.ok !== false) return text;
  const { errorReason: reason, code, details } = message;
  return JSON.stringify({ ...message, errorReason: JSON.stringify({ reason, code, details } satisfies Carried) });
}

/** The refusal that came through protoo-client as an error. */
export function refusalOf(status: number, carried: string): RequestError {
  let said: Carried = { reason: carried };
  try {
    said = JSON.parse(carried) as Carried;
  } catch {
    // It came another way, as it is.
  }
  return new RequestError(status, said.reason ?? "The classroom refused this.", said.code, said.details);
}
