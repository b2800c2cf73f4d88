import { CheckIcon, LinkIcon } from "./common/icons.tsx";
import { useCopy } from "./common/use-copy.ts";
import { addressOf } from "./router.ts";

/** Copies the address of a class, to be sent to whoever should come. */
export function CopyLink({ roomId }: { readonly roomId: string }) {
  const [outcome, copy] = useCopy();
  const address = addressOf({ name: "class", roomId, invitation: null });

  if (outcome === "failed") {
    return <input class="link-box" readOnly value={address} aria-label="Link to this class" autofocus onFocus={(event) => event.currentTarget.select()} />;
  }
  return (
    <button type="button" class="button quiet copy-link" onClick={() => void copy(address)}>
      {outcome === "copied" ? <CheckIcon /> : <LinkIcon />}
      <span class="button-text" aria-live="polite">{outcome === "copied" ? "Link copied" : "Copy link"}</span>
    </button>
  );
}
