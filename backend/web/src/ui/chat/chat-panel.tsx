import { useEffect } from "preact/hooks";
import type { Classroom } from "../../classroom/classroom.ts";
import { useStore } from "../../lib/use-store.ts";
import { Panel } from "../stage/panel.tsx";
import { MessageForm } from "./message-form.tsx";
import { MessageList } from "./message-list.tsx";

interface Props {
  readonly classroom: Classroom;
  readonly onClose: () => void;
}

/** What is written in the class, and the place to write. */
export function ChatPanel({ classroom, onClose }: Props) {
  const { chat } = classroom;
  const state = useStore(chat.state);
  useEffect(() => {
    chat.look(true);
    return () => chat.look(false);
  }, [chat]);
  return (
    <Panel name="chat" title="Chat" onClose={onClose}>
      {state.problem && (
        <p class="field-error panel-problem" role="alert">
          {state.problem} <button type="button" class="link" onClick={() => void chat.catchUp()}>Try again</button>
        </p>
      )}
      <MessageList state={state} isOwn={(message) => classroom.wrote(message)} onOlder={() => chat.loadOlder()} />
      <MessageForm onSend={(text) => chat.send(text)} />
    </Panel>
  );
}
