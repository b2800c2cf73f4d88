import { useCallback } from "preact/hooks";
import { ATTENDANCE_PER_PAGE, listAttendance } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import type { AttendanceItem } from "../../api/types.ts";
import { lengthOf, momentOf } from "../../lib/when.ts";
import { Dialog } from "../common/dialog.tsx";
import { Pager } from "../common/pager.tsx";
import { usePaged } from "../common/use-paged.ts";
import { AttendanceFile } from "./attendance-file.tsx";

interface Props {
  readonly session: Session;
  readonly room: { readonly id: string; readonly name: string };
  readonly onClose: () => void;
}

/** Who was in a class, when and how long. */
export function AttendanceDialog({ session, room, onClose }: Props) {
  const load = useCallback((page: number) => listAttendance(session, room.id, page), [session, room.id]);
  const { items, total, page, error, setPage } = usePaged(load);
  return (
    <Dialog title={`Attendance of ${room.name}`} wide onClose={onClose}>
      {error && <p class="banner trouble" role="alert">{error}</p>}
      {items?.length === 0 && <p class="lead">Nobody has been there yet.</p>}
      {items !== null && items.length > 0 && <AttendanceTable items={items} />}
      <Pager page={page} perPage={ATTENDANCE_PER_PAGE} total={total} onPage={setPage} of="the attendance" />
      <div class="actions">
        <AttendanceFile session={session} room={room} />
      </div>
    </Dialog>
  );
}

function AttendanceTable({ items }: { readonly items: readonly AttendanceItem[] }) {
  return (
    <div class="table-box">
      <table>
        <thead>
          <tr><th scope="col">Name</th><th scope="col">Came</th><th scope="col">Left</th><th scope="col">Stayed</th></tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.participant_id}>
              <th scope="row">{item.full_name} <span class="role">{item.role}</span></th>
              <td>{momentOf(item.joined_at)}</td>
              <td>{item.left_at ? momentOf(item.left_at) : "there now"}</td>
              <td>{lengthOf(item.duration_s)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
