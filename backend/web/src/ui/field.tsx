import { useId } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly name: string;
  readonly type: "text" | "email" | "password";
  readonly autocomplete: string;
  readonly hint?: string;
  readonly error?: string | undefined;
  readonly maxLength?: number;
  readonly placeholder?: string;
}

/** A labelled input of a form, with a hint and the server's word on it. */
export function Field({ label, name, type, autocomplete, hint, error, maxLength, placeholder }: Props) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        // Preact's types split inputs by type; all three here take the same attributes.
        type={type as "text"}
        autocomplete={autocomplete}
        required
        maxLength={maxLength}
        placeholder={placeholder}
        aria-invalid={error ? "true" : undefined}
        aria-describedby={described || undefined}
      />
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {error && <p class="field-error" id={`${id}-error`}>{error}</p>}
    </div>
  );
}
