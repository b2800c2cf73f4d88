import type { ComponentChildren } from "preact";

interface Props {
  /** Says what it does, and to whom. */
  readonly label: string;
  readonly title?: string;
  readonly danger?: boolean;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

/** A small button that shows an icon. */
export function IconButton({ label, title = label, danger = false, onClick, children }: Props) {
  return (
    <button type="button" class={danger ? "icon-button danger" : "icon-button"} aria-label={label} title={title} onClick={onClick}>
      {children}
    </button>
  );
}
