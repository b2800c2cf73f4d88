import { deleteRoom } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import type { Room } from "../../api/types.ts";
import { ConfirmDialog } from "../common/confirm-dialog.tsx";

interface Props {
  readonly session: Session;
  readonly room: Room;
  readonly onDeleted: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before a class is deleted. */
export function DeleteClassDialog({ session, room, onDeleted, onClose }: Props) {
  const remove = async () => {
    await deleteRoom(session, room.id);
    await onDeleted();
  };
  const there = room.participant_count > 0 ? " Everybody in it is sent out." : "";
  return (
    <ConfirmDialog
      title={`Delete ${room.name}?`}
      text={`The class is gone for good, with its messages and its attendance.${there}`}
      action="Delete class"
      onConfirm={remove}
      onClose={onClose}
    />
  );
}
