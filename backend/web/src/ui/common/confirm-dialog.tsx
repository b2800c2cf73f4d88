import { Dialog } from "./dialog.tsx";
import { Failure } from "./failure.tsx";
import { useSubmit } from "./use-submit.ts";

interface Props {
  readonly title: string;
  readonly text: string;
  /** What the button that does it says. */
  readonly action: string;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({ title, text, action, onConfirm, onClose }: Props) {
  const form = useSubmit(async () => {
    await onConfirm();
    onClose();
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={form.onSubmit} aria-label={title}>
        <p class="lead">{text}</p>
        <Failure text={form.error} />
        <div class="actions">
          <button type="submit" class="button danger" aria-disabled={form.busy}>{action}</button>
          <button type="button" class="button" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}
