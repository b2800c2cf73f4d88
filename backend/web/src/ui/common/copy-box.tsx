import { useId } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons.tsx";
import { useCopy } from "./use-copy.ts";

/** A text to be taken elsewhere, by button or by hand. */
export function CopyBox({ label, text }: { readonly label: string; readonly text: string }) {
  const id = useId();
  const [outcome, copy] = useCopy();
  return (
    <div class="copy-box">
      <label class="unseen" for={id}>{label}</label>
      <input id={id} readOnly value={text} onFocus={(event) => event.currentTarget.select()} />
      <button type="button" class="button" onClick={() => void copy(text)}>
        {outcome === "copied" ? <CheckIcon /> : <CopyIcon />}
        <span aria-live="polite">{outcome === "copied" ? "Copied" : "Copy"}</span>
      </button>
    </div>
  );
}
