import { useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import type { Classroom } from "../../classroom/classroom.ts";
import type { RoomInfo } from "../../signalling/messages.ts";
import { AttendanceFile } from "../classes/attendance-file.tsx";
import { InvitationBox } from "../classes/invitation-box.tsx";
import { ConfirmDialog } from "../common/confirm-dialog.tsx";
import { SwitchField } from "../common/switch-field.tsx";

interface Props {
  readonly session: Session;
  readonly classroom: Classroom;
  readonly room: RoomInfo;
}

/** The rules of the class that one changes while it goes on, and its end. */
export function ClassRules({ session, classroom, room }: Props) {
  const { moderation, options } = classroom;
  const [closing, setClosing] = useState(false);
  return (
    <section class="class-rules" aria-labelledby="rules-title">
      <h3 id="rules-title">The class</h3>
      <SwitchField label="Lock the class" hint="No further students come in." on={room.isLocked} onChange={(on) => void moderation.lock(on)} />
      <SwitchField
        label="Students may speak and be seen"
        on={room.studentsMayPublish}
        onChange={(on) => void moderation.change({ students_may_publish: on })}
      />
      <SwitchField
        label="Waiting room"
        hint="Students wait until you let them in."
        on={room.waitingRoom ?? false}
        onChange={(on) => void moderation.change({ waiting_room: on })}
      />
      <InvitationBox session={session} roomId={options.roomId} />
      <div class="actions">
        <AttendanceFile session={session} room={{ id: options.roomId, name: room.name }} />
        <button type="button" class="button danger" onClick={() => setClosing(true)}>Close class for all</button>
      </div>
      {closing && (
        <ConfirmDialog
          title="Close the class?"
          text="Everybody leaves, you too. The class stays in the list and can be opened again."
          action="Close for everybody"
          onConfirm={() => moderation.closeRoom()}
          onClose={() => setClosing(false)}
        />
      )}
    </section>
  );
}
