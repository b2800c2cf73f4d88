import { useEffect, useId, useRef } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly name: string;
  readonly type: "text" | "email" | "password" | "tel" | "number" | "search";
  readonly autocomplete?: string;
  readonly hint?: string;
  readonly error?: string | undefined;
  readonly maxLength?: number;
  readonly min?: number;
  readonly max?: number;
  readonly placeholder?: string;
  readonly value?: string | number;
  readonly optional?: boolean;
  readonly inputMode?: "numeric" | "text";
  readonly autofocus?: boolean;
}

/** A labelled input of a form, with a hint and the server's word on it. */
export function Field({ label, type, autocomplete = "off", hint, error, value, optional = false, ...rest }: Props) {
  const id = useId();
  const element = useRef<HTMLInputElement>(null);
  // Browsers heed the attribute as a page or dialog opens, not when a form changes in it.
  useEffect(() => {
    if (rest.autofocus) element.current?.focus();
  }, []);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        ref={element}
        // Preact's types split inputs by type; all those above take the same attributes.
        type={type as "text"}
        autocomplete={autocomplete}
        required={!optional}
        defaultValue={value === undefined ? undefined : String(value)}
        aria-invalid={error ? "true" : undefined}
        aria-describedby={described || undefined}
        {...rest}
      />
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {error && <p class="field-error" id={`${id}-error`}>{error}</p>}
    </div>
  );
}
