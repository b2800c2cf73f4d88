import type { ComponentChildren } from "preact";
import type { PanelName } from "./panel.tsx";

interface Props {
  readonly name: PanelName;
  readonly label: string;
  /** How much there is to be looked at. */
  readonly count: number;
  /** What is counted. */
  readonly of: string;
  readonly open: boolean;
  readonly onPanel: (panel: PanelName) => void;
  readonly children: ComponentChildren;
}

/** More than fits into the mark. */
const MOST_SHOWN = 99;

/** Opens and closes a panel beside the stage. */
export function PanelButton({ name, label, count, of, open, onPanel, children }: Props) {
  const spoken = count > 0 ? `${label}, ${count} ${of}` : label;
  return (
    <button
      type="button"
      id={`${name}-button`}
      class={open ? "round open" : "round"}
      aria-label={spoken}
      title={spoken}
      aria-expanded={open}
      aria-controls={open ? `${name}-panel` : undefined}
      data-mark={count}
      onClick={() => onPanel(name)}
    >
      {children}
      {count > 0 && <span class="mark" aria-hidden="true">{count > MOST_SHOWN ? `${MOST_SHOWN}+` : count}</span>}
    </button>
  );
}
