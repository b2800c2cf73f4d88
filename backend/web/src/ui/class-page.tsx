import { useCallback, useEffect, useState } from "preact/hooks";
import { signallingUrl } from "../api/rooms.ts";
import type { Session } from "../api/session.ts";
import type { Room, User } from "../api/types.ts";
import { Classroom } from "../classroom/classroom.ts";
import type { Ending } from "../classroom/state.ts";
import { farewell } from "../classroom/status.ts";
import { useStore } from "../lib/use-store.ts";
import { LocalMedia } from "../media/local-media.ts";
import { Lobby } from "./lobby.tsx";
import { PageHeading } from "./page-heading.tsx";
import { Stage } from "./stage.tsx";
import { TopBar } from "./top-bar.tsx";
import { useTitle } from "./use-title.ts";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly roomId: string;
}

interface Visit {
  readonly media: LocalMedia;
  readonly inside: { readonly classroom: Classroom; readonly roomName: string } | null;
}

const newVisit = (): Visit => ({ media: new LocalMedia(), inside: null });

/** One class, from its door to the goodbye. */
export function ClassPage({ session, user, roomId }: Props) {
  const [visit, setVisit] = useState(newVisit);
  const { media, inside } = visit;
  useEffect(() => () => media.close(), [media]);

  const join = useCallback(
    (room: Room) => {
      const me = { userId: user.user_id, isStudent: user.role === "student" };
      const classroom = new Classroom({ roomId, me, localMedia: media, signallingUrl: () => signallingUrl(session) });
      void classroom.run();
      setVisit({ media, inside: { classroom, roomName: room.name } });
    },
    [session, user, roomId, media],
  );

  if (!inside) return <Lobby session={session} user={user} roomId={roomId} media={media} onJoin={join} />;
  const again = () => setVisit(newVisit());
  return <Inside session={session} user={user} {...inside} onAgain={again} />;
}

interface InsideProps {
  readonly session: Session;
  readonly user: User;
  readonly classroom: Classroom;
  readonly roomName: string;
  readonly onAgain: () => void;
}

function Inside({ session, user, classroom, roomName, onAgain }: InsideProps) {
  const { phase } = useStore(classroom.state);
  if (phase.name !== "ended") return <Stage classroom={classroom} user={user} roomName={roomName} />;
  return <Farewell session={session} user={user} ending={phase.ending} onAgain={onAgain} />;
}

interface FarewellProps {
  readonly session: Session;
  readonly user: User;
  readonly ending: Ending;
  readonly onAgain: () => void;
}

function Farewell({ session, user, ending, onAgain }: FarewellProps) {
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
