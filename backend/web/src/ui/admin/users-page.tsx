import { useCallback, useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import type { ManagedUser, Role, User } from "../../api/types.ts";
import { listUsers, USERS_PER_PAGE } from "../../api/users.ts";
import { PlusIcon } from "../common/icons.tsx";
import { PageHeading } from "../common/page-heading.tsx";
import { Pager } from "../common/pager.tsx";
import { SearchField } from "../common/search-field.tsx";
import { SelectField } from "../common/select-field.tsx";
import { usePaged } from "../common/use-paged.ts";
import { useTitle } from "../common/use-title.ts";
import { TopBar } from "../top-bar.tsx";
import { NewUserDialog } from "./new-user-dialog.tsx";
import { UserDialog } from "./user-dialog.tsx";
import { UsersTable } from "./users-table.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
}

const ROLE_CHOICES = [["", "All roles"], ["student", "Students"], ["teacher", "Teachers"], ["admin", "Admins"]] as const;
const ACTIVE_CHOICES = [["", "All accounts"], ["true", "Active"], ["false", "Deactivated"]] as const;

/** Everybody's accounts, for admins. */
export function UsersPage({ session, user }: Props) {
  useTitle("Users");
  const [search, setSearch] = useState("");
  const [role, setRole] = useState<Role | "">("");
  const [active, setActive] = useState<"true" | "false" | "">("");
  const [opened, setOpened] = useState<ManagedUser | "new" | null>(null);
  const load = useCallback(
    (page: number) => listUsers(session, { page, search, role, active }),
    [session, search, role, active],
  );
  const { items, total, page, error, setPage, reload } = usePaged(load);
  const close = () => setOpened(null);
  return (
    <div class="page">
      <TopBar session={session} user={user} at="users" />
      <main class="column">
        <div class="page-head">
          <PageHeading>Users</PageHeading>
          <button type="button" class="button primary" onClick={() => setOpened("new")}><PlusIcon /> New user</button>
        </div>
        <div class="filters" role="search">
          <SearchField label="Search by name or email" onSearch={setSearch} />
          <SelectField label="Role" name="role" value={role} options={ROLE_CHOICES} onChange={(value) => setRole(value as Role | "")} />
          <SelectField label="Account" name="active" value={active} options={ACTIVE_CHOICES} onChange={(value) => setActive(value as "true" | "false" | "")} />
        </div>
        {error && <p class="banner trouble" role="alert">{error}</p>}
        {items?.length === 0 && <p class="empty">Nobody fits that.</p>}
        {items !== null && items.length > 0 && <UsersTable users={items} self={user.user_id} onOpen={setOpened} />}
        <Pager page={page} perPage={USERS_PER_PAGE} total={total} onPage={setPage} of="the users" />
      </main>
      {opened === "new" && <NewUserDialog session={session} onMade={reload} onClose={close} />}
      {opened !== null && opened !== "new" && (
        <UserDialog session={session} managed={opened} self={user.user_id} onChanged={reload} onClose={close} />
      )}
    </div>
  );
}
