import { useId } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly hint?: string;
  /** In a form: the name of its value, which is "on". */
  readonly name?: string;
  readonly on: boolean;
  /** Without it the switch keeps its own state, for a form to read. */
  readonly onChange?: (on: boolean) => void;
}

/** Something that is on or off. */
export function SwitchField({ label, hint, name, on, onChange }: Props) {
  const id = useId();
  const state = onChange ? { checked: on, onChange: () => onChange(!on) } : { defaultChecked: on };
  return (
    <div class="switch-field">
      <input id={id} name={name} type="checkbox" role="switch" aria-describedby={hint ? `${id}-hint` : undefined} {...state} />
      <label for={id}>{label}</label>
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}
