import type { ManagedUser } from "../../api/types.ts";

interface Props {
  readonly users: readonly ManagedUser[];
  /** Id of the admin who looks. */
  readonly self: string;
  readonly onOpen: (user: ManagedUser) => void;
}

/** Accounts in lines. */
export function UsersTable({ users, self, onOpen }: Props) {
  return (
    <div class="table-box">
      <table class="stacking">
        <thead>
          <tr><th scope="col">Name</th><th scope="col">Email</th><th scope="col">Role</th><th scope="col">Account</th><th scope="col"><span class="unseen">Change</span></th></tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.user_id} data-user={user.email}>
              <th scope="row">{user.full_name}{user.user_id === self && " (you)"}</th>
              <td data-label="Email">{user.email}</td>
              <td data-label="Role"><span class="role">{user.role}</span></td>
              <td data-label="Account">
                <span class={user.active ? "chip good" : "chip bad"}>{user.active ? "Active" : "Deactivated"}</span>
                {user.totp_enabled && <span class="chip">Second factor</span>}
              </td>
              <td class="cell-end">
                <button type="button" class="button small" aria-label={`Change ${user.full_name}`} onClick={() => onOpen(user)}>Change</button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
