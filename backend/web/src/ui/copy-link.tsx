import { useState } from "preact/hooks";
import { CheckIcon, LinkIcon } from "./icons.tsx";
import { hashOf } from "./router.ts";

const TOLD_FOR_MS = 2500;

/** Copies the address of a class, to be sent to whoever should come. */
export function CopyLink({ roomId }: { readonly roomId: string }) {
  const [outcome, setOutcome] = useState<"copied" | "failed" | null>(null);
  const address = `${location.origin}/${hashOf({ name: "class", roomId })}`;

  async function copy(): Promise<void> {
    // There is no clipboard on a page without https; the address is shown to be copied by hand then.
    const copied = await Promise.resolve(navigator.clipboard?.writeText(address)).then(
      () => navigator.clipboard !== undefined,
      () => false,
    );
    setOutcome(copied ? "copied" : "failed");
    if (copied) setTimeout(() => setOutcome(null), TOLD_FOR_MS);
  }

  if (outcome === "failed") {
    return <input class="link-box" readOnly value={address} aria-label="Link to this class" autofocus onFocus={(event) => event.currentTarget.select()} />;
  }
  return (
    <button type="button" class="button quiet copy-link" onClick={() => void copy()}>
      {outcome === "copied" ? <CheckIcon /> : <LinkIcon />}
      <span class="button-text" aria-live="polite">{outcome === "copied" ? "Link copied" : "Copy link"}</span>
    </button>
  );
}
