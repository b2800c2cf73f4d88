import type { Room } from "../../api/types.ts";
import { IconButton } from "../common/icon-button.tsx";
import { ArrowIcon, LockIcon, PeopleIcon, SettingsIcon, TrashIcon } from "../common/icons.tsx";
import { hashOf } from "../router.ts";

interface Props {
  readonly room: Room;
  readonly own: boolean;
  /** Whether the one who looks runs this class. */
  readonly runs: boolean;
  readonly onOpen: (what: "rules" | "attendance" | "delete") => void;
}

/** One class in the list: what it is, who is there, and the way in. */
export function ClassCard({ room, own, runs, onOpen }: Props) {
  const live = room.participant_count > 0;
  return (
    <li class="card">
      <span class={live ? "presence live" : "presence"}>{presenceOf(room)}</span>
      <a class="card-name" href={hashOf({ name: "class", roomId: room.id, invitation: null })} data-room-id={room.id}>
        {room.name}
      </a>
      <span class="chips">
        {own && <span class="chip">Your class</span>}
        {room.is_locked && <span class="chip"><LockIcon /> Locked</span>}
        {room.has_password && <span class="chip">Password</span>}
        {room.invitation_required && <span class="chip">Invitation only</span>}
        {room.waiting_room && <span class="chip">Waiting room</span>}
      </span>
      <div class="card-foot">
        {runs && (
          <span class="card-tools">
            <IconButton label={`Rules of ${room.name}`} title="Rules and invitation" onClick={() => onOpen("rules")}><SettingsIcon /></IconButton>
            <IconButton label={`Attendance of ${room.name}`} title="Attendance" onClick={() => onOpen("attendance")}><PeopleIcon /></IconButton>
            <IconButton label={`Delete ${room.name}`} title="Delete" danger onClick={() => onOpen("delete")}><TrashIcon /></IconButton>
          </span>
        )}
        <span class="card-open" aria-hidden="true">Open <ArrowIcon /></span>
      </div>
    </li>
  );
}

function presenceOf({ participant_count: count, max_participants: most }: Room): string {
  if (count === 0) return "Nobody there yet";
  return `${count} of at most ${most} there now`;
}
