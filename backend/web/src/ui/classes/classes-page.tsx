import { useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import type { Room, User } from "../../api/types.ts";
import { runs } from "../../classroom/rights.ts";
import { PageHeading } from "../common/page-heading.tsx";
import { SearchField } from "../common/search-field.tsx";
import { useTitle } from "../common/use-title.ts";
import { TopBar } from "../top-bar.tsx";
import { AttendanceDialog } from "./attendance-dialog.tsx";
import { ClassCard } from "./class-card.tsx";
import { DeleteClassDialog } from "./delete-class-dialog.tsx";
import { NewClass } from "./new-class.tsx";
import { RulesDialog } from "./rules-dialog.tsx";
import { useRooms } from "./use-rooms.ts";

interface Props {
  readonly session: Session;
  readonly user: User;
}

type Opened = { readonly what: "rules" | "attendance" | "delete"; readonly room: Room } | null;

/** All classes, and for those who may: making, changing and deleting them. */
export function ClassesPage({ session, user }: Props) {
  useTitle("Classes");
  const [search, setSearch] = useState("");
  const [opened, setOpened] = useState<Opened>(null);
  const { rooms, total, error, showMore, reload } = useRooms(session, search);
  const mayCreate = user.role !== "student";
  const close = () => setOpened(null);
  return (
    <div class="page">
      <TopBar session={session} user={user} at="classes" />
      <main class="column">
        <div class="page-head">
          <div>
            <PageHeading>Classes</PageHeading>
            <p class="lead">{mayCreate ? "Open a class, or start a new one." : "Pick a class to join."}</p>
          </div>
          {mayCreate && <NewClass session={session} />}
        </div>
        {(search !== "" || total > 6) && <SearchField label="Search classes" onSearch={setSearch} />}
        {error && <p class="banner trouble" role="alert">{error}</p>}
        {rooms === null && !error && <p class="lead" role="status">Looking for classes…</p>}
        {rooms?.length === 0 && <Empty mayCreate={mayCreate} searched={search !== ""} />}
        <ul class="cards" aria-label="Classes">
          {rooms?.map((room) => (
            <ClassCard
              key={room.id}
              room={room}
              own={room.created_by === user.user_id}
              runs={runs({ userId: user.user_id, role: user.role }, room.created_by)}
              onOpen={(what) => setOpened({ what, room })}
            />
          ))}
        </ul>
        {rooms !== null && rooms.length < total && (
          <button type="button" class="button centred" onClick={showMore}>Show more classes</button>
        )}
      </main>
      {opened?.what === "rules" && <RulesDialog session={session} room={opened.room} onChanged={reload} onClose={close} />}
      {opened?.what === "attendance" && <AttendanceDialog session={session} room={opened.room} onClose={close} />}
      {opened?.what === "delete" && <DeleteClassDialog session={session} room={opened.room} onDeleted={reload} onClose={close} />}
    </div>
  );
}

function Empty({ mayCreate, searched }: { readonly mayCreate: boolean; readonly searched: boolean }) {
  if (searched) return <p class="empty">No class has a name like that.</p>;
  return (
    <div class="empty">
      <h2>No classes yet</h2>
      <p>{mayCreate ? "Name your first class above; students find it here at once." : "As soon as a teacher opens a class, it appears here."}</p>
    </div>
  );
}
