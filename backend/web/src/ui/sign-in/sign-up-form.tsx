import type { Session } from "../../api/session.ts";
import { Failure } from "../common/failure.tsx";
import { Field } from "../common/field.tsx";
import { PASSWORD_HINT } from "../common/password-hint.ts";
import { useSubmit } from "../common/use-submit.ts";

/** Makes a student's account and signs in with it. */
export function SignUpForm({ session }: { readonly session: Session }) {
  const form = useSubmit(({ email = "", password = "", full_name = "" }) => session.signUp({ email, password, full_name }));
  return (
    <form onSubmit={form.onSubmit} aria-label="Create an account">
      <Field label="Full name" name="full_name" type="text" autocomplete="name" maxLength={200} error={form.errorOf("full_name")} />
      <Field label="Email" name="email" type="email" autocomplete="username" error={form.errorOf("email")} />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="new-password"
        hint={PASSWORD_HINT}
        error={form.errorOf("password")}
      />
      <Failure text={form.error} />
      <button type="submit" class="button primary wide" aria-disabled={form.busy}>
        {form.busy ? "Creating your account…" : "Create account"}
      </button>
      <p class="hint centred">New accounts are for students. Teachers get theirs from an administrator.</p>
    </form>
  );
}
