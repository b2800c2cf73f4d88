import { useEffect, useState } from "preact/hooks";
import { roomStats } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import type { Room, RoomStats } from "../../api/types.ts";
import { momentOf } from "../../lib/when.ts";

interface Props {
  readonly session: Session;
  readonly room: Room;
}

/** How a class stands now. */
export function LiveFigures({ session, room }: Props) {
  const [stats, setStats] = useState<RoomStats | null>(null);
  useEffect(() => {
    // Without them the dialog is as good.
    roomStats(session, room.id).then(setStats, () => undefined);
  }, [session, room.id]);
  return (
    <dl class="figures">
      <div><dt>There now</dt><dd>{stats?.participant_count ?? room.participant_count}</dd></div>
      <div><dt>Microphones and cameras</dt><dd>{stats?.producer_count ?? "–"}</dd></div>
      <div><dt>Made</dt><dd>{momentOf(room.created_at)}</dd></div>
    </dl>
  );
}
