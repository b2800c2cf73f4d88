import type { Room } from "../../api/types.ts";
import { Field } from "../common/field.tsx";
import { SwitchField } from "../common/switch-field.tsx";
import { DEFAULT_MAX_PARTICIPANTS, LARGEST_MAX_PARTICIPANTS, MAX_NAME_LENGTH } from "./rules.ts";

interface Props {
  readonly room: Room | null;
  readonly errorOf: (field: string) => string | undefined;
}

/** The rules of a class as a form has them. */
export function RulesFields({ room, errorOf }: Props) {
  return (
    <>
      <div class="field-row">
        <Field label="Name" name="name" type="text" maxLength={MAX_NAME_LENGTH} value={room?.name ?? ""} error={errorOf("name")} autofocus />
        <Field
          label="Most people"
          name="max_participants"
          type="number"
          min={1}
          max={LARGEST_MAX_PARTICIPANTS}
          value={room?.max_participants ?? DEFAULT_MAX_PARTICIPANTS}
          error={errorOf("max_participants")}
        />
      </div>
      <fieldset class="rules">
        <legend>Who may come in</legend>
        <SwitchField name="waiting_room" label="Waiting room" hint="Students wait until you let them in." on={room?.waiting_room ?? false} />
        <SwitchField name="is_locked" label="Locked" hint="No further students come in." on={room?.is_locked ?? false} />
        <SwitchField
          name="invitation_required"
          label="By invitation only"
          hint="Students need your invitation link."
          on={room?.invitation_required ?? false}
        />
        <SwitchField
          name="one_seat_per_user"
          label="One seat a person"
          hint="Who joins a second time takes over from the first window."
          on={room?.one_seat_per_user ?? false}
        />
        <Field
          label={room?.has_password ? "New password" : "Password"}
          name="password"
          type="password"
          autocomplete="new-password"
          optional
          maxLength={72}
          hint={room?.has_password ? "There is one. Leave this empty to keep it." : "Empty for none; at least 4 characters."}
          error={errorOf("password")}
        />
        {room?.has_password && <SwitchField name="no_password" label="Do without a password" on={false} />}
      </fieldset>
      <fieldset class="rules">
        <legend>In the class</legend>
        <SwitchField
          name="students_may_publish"
          label="Students may speak and be seen"
          hint="Otherwise they listen, write and raise hands."
          on={room?.students_may_publish ?? true}
        />
      </fieldset>
    </>
  );
}
