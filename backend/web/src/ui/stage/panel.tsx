import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "../common/icon-button.tsx";
import { CloseIcon } from "../common/icons.tsx";

export type PanelName = "chat" | "people";

interface Props {
  readonly name: PanelName;
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** What opens beside the stage, or over it on a narrow screen. The focus goes in, and back when it closes. */
export function Panel({ name, title, onClose, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const panel = heading.current?.closest("aside");
    // A panel's own field may have taken it already.
    if (!panel?.contains(document.activeElement)) heading.current?.focus();
    return () => document.getElementById(`${name}-button`)?.focus();
  }, []);
  return (
    <aside
      id={`${name}-panel`}
      class="panel"
      aria-labelledby={`${name}-title`}
      onKeyDown={(event) => isForPanel(event) && onClose()}
    >
      <header class="panel-head">
        <h2 id={`${name}-title`} ref={heading} tabIndex={-1}>{title}</h2>
        <IconButton label={`Close ${title.toLowerCase()} panel`} title="Close" onClick={onClose}><CloseIcon /></IconButton>
      </header>
      {children}
    </aside>
  );
}

/** A dialog that was opened from the panel takes its Escape for itself. */
function isForPanel({ key, target }: KeyboardEvent): boolean {
  return key === "Escape" && target instanceof Element && target.closest("dialog") === null;
}
