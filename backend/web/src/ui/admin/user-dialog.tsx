import { useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import type { ManagedUser, Role } from "../../api/types.ts";
import { changeUser, deleteUser, resetSecondFactor } from "../../api/users.ts";
import { sentenceOf } from "../../lib/errors.ts";
import { ConfirmDialog } from "../common/confirm-dialog.tsx";
import { Dialog } from "../common/dialog.tsx";
import { Done } from "../common/done.tsx";
import { Failure } from "../common/failure.tsx";
import { SelectField } from "../common/select-field.tsx";
import { ROLE_OPTIONS } from "./roles.ts";

interface Props {
  readonly session: Session;
  readonly managed: ManagedUser;
  /** Id of the admin who looks. */
  readonly self: string;
  readonly onChanged: () => Promise<void>;
  readonly onClose: () => void;
}

/** One account: its role, whether it is active, its second factor, its end. What is chosen counts at once. */
export function UserDialog({ session, managed, self, onChanged, onClose }: Props) {
  const [user, setUser] = useState(managed);
  const [done, setDone] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [deleting, setDeleting] = useState(false);
  const id = user.user_id;

  async function attempt(action: () => Promise<ManagedUser | null>, said: string): Promise<void> {
    setDone(null);
    try {
      const changed = await action();
      if (changed) setUser(changed);
      setProblem(null);
      setDone(said);
      await onChanged();
    } catch (error) {
      setProblem(sentenceOf(error));
    }
  }

  if (deleting) {
    const remove = () => deleteUser(session, id).then(onChanged);
    const text = "The account is gone for good, and its sessions end at once. Deactivate it instead to keep it.";
    return <ConfirmDialog title={`Delete ${user.full_name}?`} text={text} action="Delete account" onConfirm={remove} onClose={onClose} />;
  }
  return (
    <Dialog title={user.full_name} onClose={onClose}>
      <p class="lead spaced">{user.email}{id === self && " · this is you"}</p>
      <SelectField
        label="Role"
        name="role"
        value={user.role}
        options={ROLE_OPTIONS}
        onChange={(role) => void attempt(() => changeUser(session, id, { role: role as Role }), "The role has been changed.")}
      />
      <Failure text={problem} />
      <div class="stacked-actions">
        <button
          type="button"
          class="button"
          onClick={() => void attempt(() => changeUser(session, id, { active: !user.active }), user.active ? "Deactivated." : "Activated.")}
        >
          {user.active ? "Deactivate account" : "Activate account"}
        </button>
        <button type="button" class="button" onClick={() => void attempt(() => resetSecondFactor(session, id), "The second factor is off.")}>
          Reset second factor
        </button>
        <button type="button" class="button danger" onClick={() => setDeleting(true)}>Delete account</button>
      </div>
      <Done text={done} />
    </Dialog>
  );
}
