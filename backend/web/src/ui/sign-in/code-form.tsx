import { Failure } from "../common/failure.tsx";
import { CodeField } from "../common/code-field.tsx";
import { useSubmit } from "../common/use-submit.ts";

interface Props {
  readonly onCode: (code: string) => Promise<void>;
  readonly onBack: () => void;
}

/** The second step of signing in. */
export function CodeForm({ onCode, onBack }: Props) {
  const form = useSubmit(({ code = "" }) => onCode(code.trim()));
  return (
    <form onSubmit={form.onSubmit} aria-label="Second step">
      <CodeField label="Code" hint="From your authenticator app, or one of your backup codes." error={form.errorOf("totp_code")} />
      <Failure text={form.error} />
      <div class="actions">
        <button type="submit" class="button primary" aria-disabled={form.busy}>{form.busy ? "Checking…" : "Continue"}</button>
        <button type="button" class="button quiet" onClick={onBack}>Back</button>
      </div>
    </form>
  );
}
