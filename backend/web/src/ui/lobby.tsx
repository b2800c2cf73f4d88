import { useEffect, useState } from "preact/hooks";
import { getRoom } from "../api/rooms.ts";
import type { Session } from "../api/session.ts";
import type { Room, User } from "../api/types.ts";
import { sentenceOf } from "../lib/errors.ts";
import { useStore } from "../lib/use-store.ts";
import { adviceFor } from "../media/devices.ts";
import type { LocalMedia } from "../media/local-media.ts";
import { Avatar } from "./avatar.tsx";
import { DeviceButtons } from "./device-buttons.tsx";
import { VideoView } from "./media-views.tsx";
import { PageHeading } from "./page-heading.tsx";
import { TopBar } from "./top-bar.tsx";
import { useTitle } from "./use-title.ts";

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

  return (
    <div class="page">
      <TopBar session={session} user={user} />
      <main class="column lobby">
        {error && <NotFound text={error} />}
        {!room && !error && <p class="lead" role="status">Opening the class…</p>}
        {room && (
          <>
            <Preview user={user} media={media} />
            <section class="lobby-side">
              <p class="overline">Ready to join?</p>
              <PageHeading>{room.name}</PageHeading>
              <p class="lead">{presenceOf(room)}</p>
              <Problems media={media} />
              <div class="actions">
                <button type="button" class="button primary big" onClick={() => onJoin(room)}>Join class</button>
                <a class="button quiet" href="#/">All classes</a>
              </div>
            </section>
          </>
        )}
      </main>
    </div>
  );
}

function Preview({ user, media }: { readonly user: User; readonly media: LocalMedia }) {
  const { microphone, camera } = useStore(media.state);
  const waiting = microphone.busy || camera.busy;
  return (
    <section class="preview" aria-label="Your camera and microphone">
      <div class="tile">
        <Avatar userId={user.user_id} name={user.full_name} />
        {camera.on && <VideoView track={camera.track} mirrored label="Your camera" />}
        {waiting && <p class="preview-hint" role="status">Allow the browser to use your microphone and camera.</p>}
        <div class="preview-controls">
          <DeviceButtons media={media} />
        </div>
      </div>
    </section>
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
