import { Fragment } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ChatState } from "../../classroom/chat.ts";
import { dayOf } from "../../lib/when.ts";
import type { ChatMessage } from "../../signalling/messages.ts";
import { DownIcon } from "../common/icons.tsx";
import { Message } from "./message.tsx";

interface Props {
  readonly state: ChatState;
  readonly isOwn: (message: ChatMessage) => boolean;
  readonly onOlder: () => Promise<void>;
}

/** So near to its end a list counts as being read at its end. */
const NEAR_END_PX = 60;

/** All messages. It stays at the newest while one is there, and at what one reads while older ones come in above. */
export function MessageList({ state, isOwn, onOlder }: Props) {
  const { log, hasOlder, loading, firstNewId } = state;
  const box = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const oldest = useRef({ id: log[0]?.id, height: 0 });

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const grown = element.scrollHeight - oldest.current.height;
    if (atEnd) element.scrollTop = element.scrollHeight;
    else if (oldest.current.id !== log[0]?.id) element.scrollTop += grown;
    oldest.current = { id: log[0]?.id, height: element.scrollHeight };
  }, [log]);

  const onScroll = () => {
    const element = box.current;
    if (element) setAtEnd(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX);
  };
  const toEnd = () => box.current?.scrollTo({ top: box.current.scrollHeight });

  return (
    <div class="messages-box">
      <div class="messages" ref={box} onScroll={onScroll} tabIndex={0} role="region" aria-label="Messages">
        {hasOlder && (
          <button type="button" class="link older" aria-disabled={loading} onClick={() => void onOlder()}>
            {loading ? "Looking…" : "Show earlier messages"}
          </button>
        )}
        {log.length === 0 && !loading && <p class="lead nothing">Nothing has been written yet.</p>}
        <div role="log" aria-label="Chat">
          <ol>
            {log.map((message, index) => (
              <Fragment key={message.id}>
                {startsDay(log[index - 1], message) && <li class="divider">{dayOf(message.sentAt)}</li>}
                {message.id === firstNewId && <li class="divider new">New</li>}
                <Message message={message} own={isOwn(message)} follows={follows(log[index - 1], message)} />
              </Fragment>
            ))}
          </ol>
        </div>
      </div>
      {!atEnd && (
        <button type="button" class="button to-end" onClick={toEnd}><DownIcon /> Newest</button>
      )}
    </div>
  );
}

/** One goes on speaking: the name is not said again. */
const GOES_ON_WITHIN_MS = 120_000;

function follows(before: ChatMessage | undefined, message: ChatMessage): boolean {
  if (!before || before.participantId !== message.participantId) return false;
  return message.sentAt - before.sentAt < GOES_ON_WITHIN_MS && !startsDay(before, message);
}

function startsDay(before: ChatMessage | undefined, message: ChatMessage): boolean {
  const day = (at: number) => new Date(at).toDateString();
  return before === undefined ? day(message.sentAt) !== day(Date.now()) : day(before.sentAt) !== day(message.sentAt);
}
