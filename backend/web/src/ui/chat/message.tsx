import { partsOf } from "../../lib/links.ts";
import { momentOf, timeOf } from "../../lib/when.ts";
import type { ChatMessage } from "../../signalling/messages.ts";

interface Props {
  readonly message: ChatMessage;
  readonly own: boolean;
  /** The same person goes on. */
  readonly follows: boolean;
}

/** One message. What somebody wrote is text; its web addresses are links. */
export function Message({ message, own, follows }: Props) {
  const { id, fullName, text, sentAt } = message;
  return (
    <li class={["message", own && "own", follows && "follows"].filter(Boolean).join(" ")} data-message-id={id}>
      <p class={follows ? "message-head unseen" : "message-head"}>
        <span class="message-name">{own ? "You" : fullName}</span>{" "}
        <time dateTime={new Date(sentAt).toISOString()} title={momentOf(sentAt)}>{timeOf(sentAt)}</time>
      </p>
      <p class="message-text" dir="auto">
        {partsOf(text).map((part) =>
          part.href ? <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">{part.text}</a> : part.text,
        )}
      </p>
    </li>
  );
}
