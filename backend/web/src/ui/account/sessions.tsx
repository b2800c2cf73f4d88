import { useCallback, useState } from "preact/hooks";
import { endSession, listSessions, SESSIONS_PER_PAGE } from "../../api/account.ts";
import type { Session } from "../../api/session.ts";
import type { SignedInSession } from "../../api/types.ts";
import { sentenceOf } from "../../lib/errors.ts";
import { momentOf } from "../../lib/when.ts";
import { Pager } from "../common/pager.tsx";
import { usePaged } from "../common/use-paged.ts";
import { Section } from "./section.tsx";

/** Where one is signed in, and putting an end to it elsewhere. */
export function Sessions({ session }: { readonly session: Session }) {
  const load = useCallback((page: number) => listSessions(session, page), [session]);
  const { items, total, page, error, setPage, reload } = usePaged(load);
  const [problem, setProblem] = useState<string | null>(null);
  const end = async (id: string) => {
    setProblem(await endSession(session, id).then(() => null, sentenceOf));
    await reload();
  };
  return (
    <Section title="Sessions" lead="Where you are signed in. End what you do not know, then change your password.">
      {(error ?? problem) && <p class="banner trouble" role="alert">{error ?? problem}</p>}
      <ul class="sessions" aria-label="Sessions">
        {items?.map((one) => <SessionLine key={one.session_id} one={one} onEnd={() => void end(one.session_id)} />)}
      </ul>
      <Pager page={page} perPage={SESSIONS_PER_PAGE} total={total} onPage={setPage} of="your sessions" />
    </Section>
  );
}

function SessionLine({ one, onEnd }: { readonly one: SignedInSession; readonly onEnd: () => void }) {
  const since = momentOf(one.started_at);
  return (
    <li class="session" data-current={one.current}>
      <div>
        <p class="session-name">Signed in {since} {one.current && <span class="chip">This one</span>}</p>
        <p class="hint">{`Last used ${momentOf(one.last_used_at)} · ends ${momentOf(one.expires_at)}`}</p>
      </div>
      {!one.current && (
        <button type="button" class="button small" aria-label={`End the session of ${since}`} onClick={onEnd}>End</button>
      )}
    </li>
  );
}
