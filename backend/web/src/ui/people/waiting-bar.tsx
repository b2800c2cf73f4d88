import type { WaitingInfo } from "../../signalling/messages.ts";

interface Props {
  readonly waiting: readonly WaitingInfo[];
  readonly onShow: () => void;
}

/** Tells who runs the class that somebody waits, while the list of them is not open. */
export function WaitingBar({ waiting, onShow }: Props) {
  const [first] = waiting;
  const text = waiting.length > 1 ? `${waiting.length} people wait to be let in.` : `${first?.fullName} waits to be let in.`;
  return (
    <div class="waiting-bar" aria-live="polite">
      {first && (
        <>
          <p>{text}</p>
          <button type="button" class="button small primary" onClick={onShow}>Show</button>
        </>
      )}
    </div>
  );
}
