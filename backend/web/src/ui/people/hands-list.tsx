import type { Moderation } from "../../classroom/moderation.ts";
import type { Participant } from "../../classroom/roster.ts";
import { timeOf } from "../../lib/when.ts";
import { Avatar } from "../avatar.tsx";

interface Props {
  /** The first one first. */
  readonly hands: readonly Participant[];
  /** For who may lower them. */
  readonly moderation: Moderation | null;
}

/** Whose turn it is: raised hands in the order in which they went up. */
export function HandsList({ hands, moderation }: Props) {
  if (hands.length === 0) return null;
  return (
    <section aria-labelledby="hands-title">
      <div class="section-head">
        <h3 id="hands-title">Raised hands ({hands.length})</h3>
        {moderation && hands.length > 1 && (
          <button type="button" class="link" onClick={() => void moderation.lowerAllHands()}>Lower all</button>
        )}
      </div>
      <ol class="people hands">
        {hands.map(({ participantId, userId, fullName, handRaisedAt }) => (
          <li key={participantId} class="person" data-hand-of={participantId}>
            <Avatar userId={userId} name={fullName} small />
            <span class="person-name">
              {fullName}
              <span class="role">since {timeOf(handRaisedAt ?? 0)}</span>
            </span>
            {moderation && (
              <button type="button" class="button small" aria-label={`Lower the hand of ${fullName}`} onClick={() => void moderation.lowerHand(participantId)}>
                Lower
              </button>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
