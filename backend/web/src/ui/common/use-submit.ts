import { useState } from "preact/hooks";
import { ApiError, sentenceOf } from "../../lib/errors.ts";

export interface Submission {
  readonly busy: boolean;
  /** What went wrong as a whole, or null. */
  readonly error: string | null;
  /** What the server says of a single field. */
  readonly errorOf: (field: string) => string | undefined;
  readonly onSubmit: (event: SubmitEvent) => void;
  readonly reset: () => void;
}

/** Drive a form: hand its values to `send`, once at a time, and keep what went wrong. */
export function useSubmit(send: (values: Record<string, string>) => Promise<void>): Submission {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const details = failure instanceof ApiError ? failure.details : {};

  async function submit(form: HTMLFormElement): Promise<void> {
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    setBusy(true);
    setFailure(null);
    try {
      await send(values);
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  }

  return {
    busy,
    error: failure === null ? null : sentenceOf(failure),
    errorOf: (field) => firstSentence(details[field]),
    onSubmit: (event) => {
      event.preventDefault();
      if (!busy) void submit(event.currentTarget as HTMLFormElement);
    },
    reset: () => setFailure(null),
  };
}

function firstSentence(messages: unknown): string | undefined {
  const first: unknown = Array.isArray(messages) ? messages[0] : messages;
  return typeof first === "string" ? first : undefined;
}
