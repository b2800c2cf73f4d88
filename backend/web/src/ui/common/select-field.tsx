import { useId } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  /** Value and what is shown of it. */
  readonly options: readonly (readonly [string, string])[];
  readonly onChange?: (value: string) => void;
}

/** A labelled choice of one out of several. */
export function SelectField({ label, name, value, options, onChange }: Props) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name} value={value} onChange={(event) => onChange?.(event.currentTarget.value)}>
        {options.map(([one, shown]) => <option key={one} value={one}>{shown}</option>)}
      </select>
    </div>
  );
}
