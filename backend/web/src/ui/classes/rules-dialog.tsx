import { changeRoom, createRoom } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import type { Room } from "../../api/types.ts";
import { Dialog } from "../common/dialog.tsx";
import { Failure } from "../common/failure.tsx";
import { useSubmit } from "../common/use-submit.ts";
import { InvitationBox } from "./invitation-box.tsx";
import { LiveFigures } from "./live-figures.tsx";
import { changeOf, newIn } from "./rules.ts";
import { RulesFields } from "./rules-fields.tsx";

interface Props {
  readonly session: Session;
  /** Null makes a new one. */
  readonly room: Room | null;
  readonly onChanged: (room: Room) => unknown;
  readonly onClose: () => void;
}

/** A class with all its rules: made new, or changed. */
export function RulesDialog({ session, room, onChanged, onClose }: Props) {
  const form = useSubmit(async (values) => {
    const change = changeOf(values);
    const changed = await (room ? changeRoom(session, room.id, newIn(change, room)) : createRoom(session, change));
    onChanged(changed);
    onClose();
  });
  const title = room ? "Rules of the class" : "New class with its rules";
  return (
    <Dialog title={title} wide onClose={onClose}>
      {room && <LiveFigures session={session} room={room} />}
      <form onSubmit={form.onSubmit} aria-label={title}>
        <RulesFields room={room} errorOf={form.errorOf} />
        <Failure text={form.error} />
        <div class="actions">
          <button type="submit" class="button primary" aria-disabled={form.busy}>{room ? "Save rules" : "Create class"}</button>
          <button type="button" class="button" onClick={onClose}>Cancel</button>
        </div>
      </form>
      {room && <InvitationBox session={session} roomId={room.id} />}
    </Dialog>
  );
}
