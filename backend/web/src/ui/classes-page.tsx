import { useCallback, useEffect, useState } from "preact/hooks";
import { createRoom, listRooms } from "../api/rooms.ts";
import type { Session } from "../api/session.ts";
import type { Room, User } from "../api/types.ts";
import { sentenceOf } from "../lib/errors.ts";
import { ArrowIcon, LockIcon, PlusIcon } from "./icons.tsx";
import { PageHeading } from "./page-heading.tsx";
import { go, hashOf } from "./router.ts";
import { TopBar } from "./top-bar.tsx";
import { useSubmit } from "./use-submit.ts";
import { useTitle } from "./use-title.ts";

/** Who is in which class changes by itself; looked at again this often while the page is in front. */
const REFRESH_EVERY_MS = 5000;

interface Props {
  readonly session: Session;
  readonly user: User;
}

/** All classes, and making a new one for those who may. */
export function ClassesPage({ session, user }: Props) {
  useTitle("Classes");
  const { rooms, total, error, showMore } = useRooms(session);
  const mayCreate = user.role !== "student";
  return (
    <div class="page">
      <TopBar session={session} user={user} />
      <main class="column">
        <div class="page-head">
          <div>
            <PageHeading>Classes</PageHeading>
            <p class="lead">{mayCreate ? "Open a class, or start a new one." : "Pick a class to join."}</p>
          </div>
          {mayCreate && <NewClass session={session} />}
        </div>
        {error && <p class="banner trouble" role="alert">{error}</p>}
        {rooms === null && !error && <p class="lead" role="status">Looking for classes…</p>}
        {rooms?.length === 0 && <Empty mayCreate={mayCreate} />}
        <ul class="cards" aria-label="Classes">
          {rooms?.map((room) => <ClassCard key={room.id} room={room} own={room.created_by === user.user_id} />)}
        </ul>
        {rooms !== null && rooms.length < total && (
          <button type="button" class="button centred" onClick={showMore}>Show more classes</button>
        )}
      </main>
    </div>
  );
}

function NewClass({ session }: { readonly session: Session }) {
  const form = useSubmit(async ({ name = "" }) => {
    const room = await createRoom(session, name.trim());
    go({ name: "class", roomId: room.id });
  });
  const error = form.errorOf("name") ?? form.error;
  return (
    <form class="new-class" onSubmit={form.onSubmit} aria-label="New class">
      <input name="name" type="text" required maxLength={100} placeholder="Name of a new class" aria-label="Name of a new class" autocomplete="off" />
      <button type="submit" class="button primary" aria-disabled={form.busy}>
        <PlusIcon /> Create class
      </button>
      {error && <p class="field-error" role="alert">{error}</p>}
    </form>
  );
}

function ClassCard({ room, own }: { readonly room: Room; readonly own: boolean }) {
  const live = room.participant_count > 0;
  return (
    <li>
      <a class="card" href={hashOf({ name: "class", roomId: room.id })} data-room-id={room.id}>
        <span class={live ? "presence live" : "presence"}>{presenceOf(room)}</span>
        <span class="card-name">{room.name}</span>
        <span class="card-foot">
          {own && <span class="chip">Your class</span>}
          {room.is_locked && <span class="chip"><LockIcon /> Locked</span>}
          <span class="card-open">Open <ArrowIcon /></span>
        </span>
      </a>
    </li>
  );
}

function Empty({ mayCreate }: { readonly mayCreate: boolean }) {
  return (
    <div class="empty">
      <h2>No classes yet</h2>
      <p>{mayCreate ? "Name your first class above; students find it here at once." : "As soon as a teacher opens a class, it appears here."}</p>
    </div>
  );
}

function presenceOf({ participant_count: count }: Room): string {
  if (count === 0) return "Nobody there yet";
  return count === 1 ? "1 person there now" : `${count} people there now`;
}

function useRooms(session: Session) {
  const [pages, setPages] = useState(1);
  const [rooms, setRooms] = useState<readonly Room[] | null>(null);
  const [total, setTotal] = useState(0);
  const [error, setError] = useState<string | null>(null);

  const load = useCallback(async () => {
    try {
      const numbers = Array.from({ length: pages }, (_, index) => index + 1);
      const answers = await Promise.all(numbers.map((page) => listRooms(session, page)));
      setRooms(answers.flatMap((answer) => answer.items));
      setTotal(answers[0]?.total ?? 0);
      setError(null);
    } catch (failure) {
      setError(sentenceOf(failure));
    }
  }, [session, pages]);

  useEffect(() => {
    void load();
    const timer = setInterval(() => {
      if (!document.hidden) void load();
    }, REFRESH_EVERY_MS);
    return () => clearInterval(timer);
  }, [load]);

  return { rooms, total, error, showMore: () => setPages((count) => count + 1) };
}
