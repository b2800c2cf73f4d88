import { useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import { codeOf } from "../../lib/errors.ts";
import { Failure } from "../common/failure.tsx";
import { Field } from "../common/field.tsx";
import { useSubmit } from "../common/use-submit.ts";
import { CodeForm } from "./code-form.tsx";

/** Email and password; where the account has a second factor, its code comes in a second step. */
export function SignInForm({ session }: { readonly session: Session }) {
  const [known, setKnown] = useState<{ email: string; password: string } | null>(null);
  const form = useSubmit(async ({ email = "", password = "" }) => {
    try {
      await session.signIn(email, password);
    } catch (error) {
      if (codeOf(error) !== "TOTP_REQUIRED") throw error;
      setKnown({ email, password });
    }
  });
  if (known) {
    return <CodeForm onCode={(code) => session.signIn(known.email, known.password, code)} onBack={() => setKnown(null)} />;
  }
  return (
    <form onSubmit={form.onSubmit} aria-label="Sign in">
      <Field label="Email" name="email" type="email" autocomplete="username" error={form.errorOf("email")} />
      <Field label="Password" name="password" type="password" autocomplete="current-password" />
      <Failure text={form.error} />
      <button type="submit" class="button primary wide" aria-disabled={form.busy}>
        {form.busy ? "Signing in…" : "Sign in"}
      </button>
    </form>
  );
}
