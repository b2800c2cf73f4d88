import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import type { Ending } from "../../classroom/state.ts";
import { farewell } from "../../classroom/status.ts";
import { PageHeading } from "../common/page-heading.tsx";
import { useTitle } from "../common/use-title.ts";
import { TopBar } from "../top-bar.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly ending: Ending;
  readonly onAgain: () => void;
}

/** Why the class is over for us, and the ways on. */
export function Farewell({ session, user, ending, onAgain }: Props) {
  const { title, text } = farewell(ending);
  useTitle(title);
  return (
    <div class="page">
      <TopBar session={session} user={user} />
      <main class="column">
        <section class="empty plain" data-ending={ending.why}>
          <PageHeading>{title}</PageHeading>
          <p role="status">{text}</p>
          <div class="actions centred">
            <a class="button primary" href="#/">All classes</a>
            <button type="button" class="button" onClick={onAgain}>Rejoin</button>
          </div>
        </section>
      </main>
    </div>
  );
}
