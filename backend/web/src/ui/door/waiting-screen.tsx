import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import type { Classroom } from "../../classroom/classroom.ts";
import { PageHeading } from "../common/page-heading.tsx";
import { useTitle } from "../common/use-title.ts";
import { DoorPage } from "./door-page.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly classroom: Classroom;
  readonly roomName: string;
}

/** Shown until somebody lets one in. */
export function WaitingScreen({ session, user, classroom, roomName }: Props) {
  useTitle(`Waiting for ${roomName}`);
  return (
    <DoorPage session={session} user={user} media={classroom.options.localMedia}>
      <p class="overline">{roomName}</p>
      <PageHeading>Waiting to be let in</PageHeading>
      <p class="lead" role="status" data-waiting>The teacher sees that you are here. This page goes on by itself.</p>
      <div class="waiting-dots" aria-hidden="true"><span /><span /><span /></div>
      <div class="actions">
        <button type="button" class="button" onClick={() => void classroom.leave()}>Leave</button>
      </div>
    </DoorPage>
  );
}
