import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import type { Classroom } from "../../classroom/classroom.ts";
import { handsOf, producerOf } from "../../classroom/roster.ts";
import { useStore } from "../../lib/use-store.ts";
import { Panel } from "../stage/panel.tsx";
import { ClassRules } from "./class-rules.tsx";
import { HandsList } from "./hands-list.tsx";
import { Person } from "./person.tsx";
import { PersonActions } from "./person-actions.tsx";
import { WaitingList } from "./waiting-list.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly classroom: Classroom;
  /** Whether we run the class. */
  readonly runs: boolean;
  readonly onClose: () => void;
}

/** Who is there, who wants something, and for who runs the class what can be done about it. */
export function PeoplePanel({ session, user, classroom, runs, onClose }: Props) {
  const { moderation } = classroom;
  const state = useStore(classroom.state);
  const media = useStore(classroom.options.localMedia.state);
  const { problem } = useStore(moderation.state);
  const others = [...state.others.values()];
  const hands = handsOf(state.others);
  return (
    <Panel name="people" title="People" onClose={onClose}>
      <div class="panel-scroll">
        {problem && <p class="field-error panel-problem" role="alert">{problem}</p>}
        {runs && <WaitingList waiting={state.waiting} moderation={moderation} />}
        <HandsList hands={hands} moderation={runs ? moderation : null} />
        <section aria-labelledby="everybody-title">
          <h3 id="everybody-title">In the class ({others.length + 1})</h3>
          <ul class="people">
            <Person
              userId={user.user_id}
              name={user.full_name}
              role={user.role}
              self
              muted={!media.microphone.on}
              handRaised={state.handRaisedAt !== null}
            />
            {others.map((other) => (
              <Person
                key={other.participantId}
                userId={other.userId}
                name={other.fullName}
                role={other.role}
                muted={producerOf(other, "audio")?.paused ?? true}
                handRaised={other.handRaisedAt !== null}
              >
                {runs && <PersonActions participant={other} moderation={moderation} />}
              </Person>
            ))}
          </ul>
        </section>
        {runs && state.room && <ClassRules session={session} classroom={classroom} room={state.room} />}
      </div>
    </Panel>
  );
}
