import { useState } from "preact/hooks";

const TOLD_FOR_MS = 2500;

export type Copied = "copied" | "failed" | null;

/** Copy a text, and tell for a moment that it is done. There is no clipboard on a page without https. */
export function useCopy(): readonly [Copied, (text: string) => Promise<void>] {
  const [outcome, setOutcome] = useState<Copied>(null);
  async function copy(text: string): Promise<void> {
    const copied = await Promise.resolve(navigator.clipboard?.writeText(text)).then(
      () => navigator.clipboard !== undefined,
      () => false,
    );
    setOutcome(copied ? "copied" : "failed");
    if (copied) setTimeout(() => setOutcome(null), TOLD_FOR_MS);
  }
  return [outcome, copy];
}
