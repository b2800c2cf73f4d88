import type { Moderation } from "../../classroom/moderation.ts";
import type { WaitingInfo } from "../../signalling/messages.ts";
import { Person } from "./person.tsx";

interface Props {
  readonly waiting: readonly WaitingInfo[];
  readonly moderation: Moderation;
}

/** Who waits to be let in. */
export function WaitingList({ waiting, moderation }: Props) {
  if (waiting.length === 0) return null;
  return (
    <section aria-labelledby="waiting-title" class="waiting">
      <div class="section-head">
        <h3 id="waiting-title">Waiting to come in ({waiting.length})</h3>
        {waiting.length > 1 && (
          <button type="button" class="link" onClick={() => void moderation.admitAll()}>Let all in</button>
        )}
      </div>
      <ul class="people">
        {waiting.map(({ waitingId, userId, fullName, role }) => (
          <Person key={waitingId} userId={userId} name={fullName} role={role}>
            <span class="person-actions">
              <button type="button" class="button small primary" aria-label={`Let ${fullName} in`} onClick={() => void moderation.admit(waitingId)}>
                Let in
              </button>
              <button type="button" class="button small" aria-label={`Turn ${fullName} away`} onClick={() => void moderation.deny(waitingId)}>
                Turn away
              </button>
            </span>
          </Person>
        ))}
      </ul>
    </section>
  );
}
