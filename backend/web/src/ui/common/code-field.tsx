import { Field } from "./field.tsx";

/** Room for a backup code with its dashes. */
const MAX_LENGTH = 32;

interface Props {
  readonly label: string;
  readonly hint?: string;
  readonly error?: string | undefined;
}

/** A code of the second factor. The form's value is `code`. */
export function CodeField(props: Props) {
  return <Field name="code" type="text" autocomplete="one-time-code" maxLength={MAX_LENGTH} autofocus {...props} />;
}
