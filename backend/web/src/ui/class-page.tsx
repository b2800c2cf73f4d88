import { useCallback, useEffect, useState } from "preact/hooks";
import { changeRoom, listMessages, signallingUrl } from "../api/rooms.ts";
import type { Session } from "../api/session.ts";
import type { Room, User } from "../api/types.ts";
import { Classroom } from "../classroom/classroom.ts";
import { LocalMedia } from "../media/local-media.ts";
import { Lobby } from "./door/lobby.tsx";
import { Inside } from "./inside.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly roomId: string;
  readonly invitation: string | null;
}

interface Visit {
  readonly media: LocalMedia;
  readonly inside: { readonly classroom: Classroom; readonly roomName: string } | null;
}

const newVisit = (): Visit => ({ media: new LocalMedia(), inside: null });

/** One class, from its door to the goodbye. */
export function ClassPage({ session, user, roomId, invitation }: Props) {
  const [visit, setVisit] = useState(newVisit);
  const { media, inside } = visit;
  useEffect(() => () => media.close(), [media]);

  const join = useCallback(
    (room: Room) => {
      const classroom = new Classroom({
        roomId,
        me: { userId: user.user_id, role: user.role },
        localMedia: media,
        invitation,
        signallingUrl: () => signallingUrl(session),
        loadMessages: (page) => listMessages(session, roomId, page),
        changeRoom: (change) => changeRoom(session, roomId, change),
      });
      void classroom.run();
      setVisit({ media, inside: { classroom, roomName: room.name } });
    },
    [session, user, roomId, invitation, media],
  );

  if (!inside) return <Lobby session={session} user={user} roomId={roomId} media={media} onJoin={join} />;
  const again = () => setVisit(newVisit());
  return <Inside session={session} user={user} {...inside} onAgain={again} />;
}
