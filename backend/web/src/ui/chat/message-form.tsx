import { useEffect, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../../lib/errors.ts";
import { SendIcon } from "../common/icons.tsx";

/** As much as the server takes. */
const MAX_LENGTH = 4000;

/** The place to write. What could not be sent stays there. */
export function MessageForm({ onSend }: { readonly onSend: (text: string) => Promise<void> }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);

  async function send(): Promise<void> {
    const wanted = text.trim();
    if (wanted === "" || busy) return;
    setBusy(true);
    try {
      await onSend(wanted);
      setText("");
      setProblem(null);
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setBusy(false);
      area.current?.focus();
    }
  }

  const onKeyDown = (event: KeyboardEvent) => {
    // While letters are being composed, Enter ends the composition.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void send();
  };
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    void send();
  };
  return (
    <form class="message-form" onSubmit={onSubmit} aria-label="Write a message">
      {problem && <p class="field-error" role="alert">{problem}</p>}
      <textarea
        ref={area}
        rows={1}
        maxLength={MAX_LENGTH}
        placeholder="Write to everybody"
        aria-label="Message"
        value={text}
        readOnly={busy}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <button type="submit" class="icon-button strong" aria-label="Send message" title="Send" aria-disabled={busy || text.trim() === ""}>
        <SendIcon />
      </button>
    </form>
  );
}
