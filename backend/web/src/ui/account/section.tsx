import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  readonly title: string;
  readonly lead?: string;
  readonly children: ComponentChildren;
}

/** A part of the account page. */
export function Section({ title, lead, children }: Props) {
  const id = useId();
  return (
    <section class="account-section" aria-labelledby={id}>
      <div class="account-section-head">
        <h2 id={id}>{title}</h2>
        {lead && <p class="hint">{lead}</p>}
      </div>
      <div class="account-section-body">{children}</div>
    </section>
  );
}
