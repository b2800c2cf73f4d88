/** The messages of a class, as pure functions: which there are, in which order, and which come from where. */
import type { MessageItem } from "../api/types.ts";
import type { ChatMessage } from "../signalling/messages.ts";

export type ChatLog = readonly ChatMessage[];

/** Older ones than these are fetched again when somebody looks for them. */
export const MAX_KEPT = 1000;

/** A message of the REST API as signalling has them. */
export function messageOf({ id, participant_id, user_id, full_name, text, sent_at }: MessageItem): ChatMessage {
  return { id, participantId: participant_id, userId: user_id, fullName: full_name, text, sentAt: Date.parse(sent_at) };
}

/** All of both, each once, the oldest first. */
export function merged(log: ChatLog, more: ChatLog): ChatLog {
  const byId = new Map([...log, ...more].map((message) => [message.id, message]));
  return [...byId.values()].sort((one, other) => one.sentAt - other.sentAt);
}

/**
 * A log after the newest messages have been fetched. When they do not reach back to what there was, that is dropped:
 * it is fetched again on the way back, and the log has no hole.
 */
export function caughtUp(log: ChatLog, newest: ChatLog, complete: boolean): ChatLog {
  const known = new Set(log.map(({ id }) => id));
  const joins = complete || newest.some(({ id }) => known.has(id));
  return joins ? merged(log, newest) : merged([], newest);
}

/** The newest ones of a long log. */
export function shortened(log: ChatLog): ChatLog {
  return log.length > MAX_KEPT ? log.slice(-MAX_KEPT) : log;
}
