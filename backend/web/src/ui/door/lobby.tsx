import { useEffect, useState } from "preact/hooks";
import { getRoom } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import type { Room, User } from "../../api/types.ts";
import { sentenceOf } from "../../lib/errors.ts";
import { useStore } from "../../lib/use-store.ts";
import { adviceFor } from "../../media/devices.ts";
import type { LocalMedia } from "../../media/local-media.ts";
import { PageHeading } from "../common/page-heading.tsx";
import { useTitle } from "../common/use-title.ts";
import { TopBar } from "../top-bar.tsx";
import { DoorPage } from "./door-page.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly roomId: string;
  readonly media: LocalMedia;
  readonly onJoin: (room: Room) => void;
}

/** The door to a class: how one will look and sound, and the button that goes in. */
export function Lobby({ session, user, roomId, media, onJoin }: Props) {
  const [room, setRoom] = useState<Room | null>(null);
  const [error, setError] = useState<string | null>(null);
  useTitle(room?.name ?? "Class");

  useEffect(() => {
    getRoom(session, roomId).then(setRoom, (failure: unknown) => setError(sentenceOf(failure)));
  }, [session, roomId]);

  useEffect(() => {
    if (room) void media.start();
  }, [room, media]);

  if (!room) {
    return (
      <div class="page">
        <TopBar session={session} user={user} />
        <main class="column lobby">
          {error ? <NotFound text={error} /> : <p class="lead" role="status">Opening the class…</p>}
        </main>
      </div>
    );
  }
  return (
    <DoorPage session={session} user={user} media={media}>
      <p class="overline">Ready to join?</p>
      <PageHeading>{room.name}</PageHeading>
      <p class="lead">{presenceOf(room)}</p>
      {room.waiting_room && user.role === "student" && <p class="hint">The teacher lets everybody in who comes.</p>}
      <Problems media={media} />
      <div class="actions">
        <button type="button" class="button primary big" onClick={() => onJoin(room)}>Join class</button>
        <a class="button quiet" href="#/">All classes</a>
      </div>
    </DoorPage>
  );
}

function Problems({ media }: { readonly media: LocalMedia }) {
  const { microphone, camera } = useStore(media.state);
  const lines = [
    microphone.problem && adviceFor("microphone", microphone.problem),
    camera.problem && adviceFor("camera", camera.problem),
  ].filter((line) => line !== null);
  if (lines.length === 0) return null;
  return (
    <div class="banner" role="status">
      {lines.map((line) => <p key={line}>{line}</p>)}
      <p>You can join all the same.</p>
    </div>
  );
}

function NotFound({ text }: { readonly text: string }) {
  return (
    <section class="empty">
      <PageHeading>This class is not here</PageHeading>
      <p role="alert">{text}</p>
      <a class="button primary" href="#/">See all classes</a>
    </section>
  );
}

function presenceOf({ participant_count: count }: Room): string {
  if (count === 0) return "You are the first one here.";
  return count === 1 ? "One person is in the class." : `${count} people are in the class.`;
}
