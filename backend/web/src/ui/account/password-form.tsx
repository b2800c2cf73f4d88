import { useState } from "preact/hooks";
import { changePassword } from "../../api/account.ts";
import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import { Done } from "../common/done.tsx";
import { Failure } from "../common/failure.tsx";
import { Field } from "../common/field.tsx";
import { PASSWORD_HINT } from "../common/password-hint.ts";
import { useSubmit } from "../common/use-submit.ts";
import { Section } from "./section.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
}

/** A new password. */
export function PasswordForm({ session, user }: Props) {
  const [done, setDone] = useState<string | null>(null);
  // Counts the changes, so that the fields are empty after one.
  const [changes, setChanges] = useState(0);
  const form = useSubmit(async ({ current = "", wanted = "" }) => {
    setDone(null);
    await changePassword(session, current, wanted);
    setChanges((count) => count + 1);
    setDone("Your password has been changed. All other sessions have ended.");
  });
  return (
    <Section title="Password" lead="Changing it signs you out everywhere else.">
      <form key={changes} onSubmit={form.onSubmit} aria-label="Change password">
        {/* For password managers, which must know whose password it is. */}
        <input class="unseen" type="text" name="username" autocomplete="username" value={user.email} readOnly tabIndex={-1} aria-hidden="true" />
        <Field label="Current password" name="current" type="password" autocomplete="current-password" error={form.errorOf("current_password")} />
        <Field label="New password" name="wanted" type="password" autocomplete="new-password" hint={PASSWORD_HINT} error={form.errorOf("new_password")} />
        <Failure text={form.error} />
        <div class="actions">
          <button type="submit" class="button primary" aria-disabled={form.busy}>Change password</button>
          <Done text={done} />
        </div>
      </form>
    </Section>
  );
}
