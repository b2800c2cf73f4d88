import { useCallback, useState } from "preact/hooks";
import { AUDIT_ACTIONS, AUDIT_PER_PAGE, listAudit } from "../../api/audit.ts";
import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import { PageHeading } from "../common/page-heading.tsx";
import { Pager } from "../common/pager.tsx";
import { usePaged } from "../common/use-paged.ts";
import { useTitle } from "../common/use-title.ts";
import { TopBar } from "../top-bar.tsx";
import { AuditFilters } from "./audit-filters.tsx";
import { type AuditFilter, NO_FILTER, queryOf } from "./audit-filter.ts";
import { AuditTable } from "./audit-table.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
}

/** What was done on the platform, and by whom. */
export function AuditPage({ session, user }: Props) {
  useTitle("Audit log");
  const [filter, setFilter] = useState<AuditFilter>(NO_FILTER);
  const load = useCallback((page: number) => listAudit(session, { ...queryOf(filter), page }), [session, filter]);
  const { items, total, page, error, setPage, reload } = usePaged(load);
  return (
    <div class="page">
      <TopBar session={session} user={user} at="audit" />
      <main class="column">
        <div class="page-head">
          <PageHeading>Audit log</PageHeading>
          <button type="button" class="button" onClick={() => void reload()}>Look again</button>
        </div>
        <AuditFilters filter={filter} onFilter={setFilter} />
        {error && <p class="banner trouble" role="alert">{error}</p>}
        {items?.length === 0 && <p class="empty">Nothing like that has been noted.</p>}
        {items !== null && items.length > 0 && (
          <AuditTable items={items} actionsOf={AUDIT_ACTIONS} onActor={(actorId) => setFilter({ ...filter, actorId })} />
        )}
        <Pager page={page} perPage={AUDIT_PER_PAGE} total={total} onPage={setPage} of="the audit log" />
      </main>
    </div>
  );
}
