import { useState } from "preact/hooks";
import { changeRoom, createRoom } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import type { Room } from "../../api/types.ts";
import { Dialog } from "../common/dialog.tsx";
import { Failure } from "../common/failure.tsx";
import { useSubmit } from "../common/use-submit.ts";
import { InvitationBox } from "./invitation-box.tsx";
import { LiveFigures } from "./live-figures.tsx";
import { changeOf } from "./rules.ts";
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
  const [shown, setShown] = useState(room);
  const form = useSubmit(async (values) => {
    const change = changeOf(values);
    const changed = await (shown ? changeRoom(session, shown.id, change) : createRoom(session, change));
    setShown(changed);
    onChanged(changed);
    onClose();
  });
  const title = room ? "Rules of the class" : "New class with its rules";
  return (
    <Dialog title={title} wide onClose={onClose}>
      {shown && <LiveFigures session={session} room={shown} />}
      <form onSubmit={form.onSubmit} aria-label={title}>
        <RulesFields room={shown} errorOf={form.errorOf} />
        <Failure text={form.error} />
        <div class="actions">
          <button type="submit" class="button primary" aria-disabled={form.busy}>{room ? "Save rules" : "Create class"}</button>
          <button type="button" class="button" onClick={onClose}>Cancel</button>
        </div>
      </form>
      {shown && <InvitationBox session={session} roomId={shown.id} />}
    </Dialog>
  );
}
