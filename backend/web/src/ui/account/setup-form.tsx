import { setUpSecondFactor } from "../../api/account.ts";
import type { Session } from "../../api/session.ts";
import type { SecondFactorSetup } from "../../api/types.ts";
import { Failure } from "../common/failure.tsx";
import { Field } from "../common/field.tsx";
import { useSubmit } from "../common/use-submit.ts";

interface Props {
  readonly session: Session;
  readonly onSetup: (setup: SecondFactorSetup) => void;
}

/** Begins with the password, so that nobody else does it in an open window. */
export function SetupForm({ session, onSetup }: Props) {
  const form = useSubmit(async ({ password = "" }) => onSetup(await setUpSecondFactor(session, password)));
  return (
    <form onSubmit={form.onSubmit} aria-label="Set up a second factor">
      <p class="lead spaced">It is off.</p>
      <Field label="Your password" name="password" type="password" autocomplete="current-password" error={form.errorOf("password")} />
      <Failure text={form.error} />
      <button type="submit" class="button primary" aria-disabled={form.busy}>Set it up</button>
    </form>
  );
}
