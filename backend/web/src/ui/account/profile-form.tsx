import { useState } from "preact/hooks";
import { changeProfile } from "../../api/account.ts";
import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import { Done } from "../common/done.tsx";
import { Failure } from "../common/failure.tsx";
import { Field } from "../common/field.tsx";
import { useSubmit } from "../common/use-submit.ts";
import { Section } from "./section.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
}

/** Name and phone. */
export function ProfileForm({ session, user }: Props) {
  const [done, setDone] = useState<string | null>(null);
  const form = useSubmit(async ({ full_name = "", phone = "" }) => {
    setDone(null);
    await changeProfile(session, { full_name, phone });
    setDone("Saved.");
  });
  return (
    <Section title="About you" lead="Others in a class see your name.">
      <form onSubmit={form.onSubmit} aria-label="About you">
        <Field label="Full name" name="full_name" type="text" autocomplete="name" maxLength={200} value={user.full_name} error={form.errorOf("full_name")} />
        <Field label="Phone" name="phone" type="tel" autocomplete="tel" optional maxLength={40} value={user.phone ?? ""} error={form.errorOf("phone")} />
        <Failure text={form.error} />
        <div class="actions">
          <button type="submit" class="button primary" aria-disabled={form.busy}>Save</button>
          <Done text={done} />
        </div>
      </form>
    </Section>
  );
}
