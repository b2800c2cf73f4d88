import type { Session } from "../../api/session.ts";
import type { Role } from "../../api/types.ts";
import { createUser } from "../../api/users.ts";
import { Dialog } from "../common/dialog.tsx";
import { Failure } from "../common/failure.tsx";
import { Field } from "../common/field.tsx";
import { PASSWORD_HINT } from "../common/password-hint.ts";
import { SelectField } from "../common/select-field.tsx";
import { useSubmit } from "../common/use-submit.ts";
import { ROLE_OPTIONS } from "./roles.ts";

interface Props {
  readonly session: Session;
  readonly onMade: () => Promise<void>;
  readonly onClose: () => void;
}

/** Makes an account of any role. */
export function NewUserDialog({ session, onMade, onClose }: Props) {
  const form = useSubmit(async ({ email = "", password = "", full_name = "", role = "student" }) => {
    await createUser(session, { email, password, full_name, role: role as Role });
    await onMade();
    onClose();
  });
  return (
    <Dialog title="New user" onClose={onClose}>
      <form onSubmit={form.onSubmit} aria-label="New user">
        <Field label="Full name" name="full_name" type="text" maxLength={200} error={form.errorOf("full_name")} autofocus />
        <Field label="Email" name="email" type="email" error={form.errorOf("email")} />
        <SelectField label="Role" name="role" value="student" options={ROLE_OPTIONS} />
        <Field label="First password" name="password" type="password" autocomplete="new-password" hint={PASSWORD_HINT} error={form.errorOf("password")} />
        <Failure text={form.error} />
        <div class="actions">
          <button type="submit" class="button primary" aria-disabled={form.busy}>Create user</button>
          <button type="button" class="button" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}
