import { useState } from "preact/hooks";
import { createRoom } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import { IconButton } from "../common/icon-button.tsx";
import { PlusIcon, SettingsIcon } from "../common/icons.tsx";
import { useSubmit } from "../common/use-submit.ts";
import { go } from "../router.ts";
import { RulesDialog } from "./rules-dialog.tsx";

/** Makes a class: by its name alone, or with all its rules. */
export function NewClass({ session }: { readonly session: Session }) {
  const [withRules, setWithRules] = useState(false);
  const form = useSubmit(async ({ name = "" }) => {
    const room = await createRoom(session, { name: name.trim() });
    go({ name: "class", roomId: room.id, invitation: null });
  });
  const error = form.errorOf("name") ?? form.error;
  return (
    <>
      <form class="new-class" onSubmit={form.onSubmit} aria-label="New class">
        <input name="name" type="text" required maxLength={100} placeholder="Name of a new class" aria-label="Name of a new class" autocomplete="off" />
        <button type="submit" class="button primary" aria-disabled={form.busy}>
          <PlusIcon /> Create class
        </button>
        <IconButton label="New class with rules" onClick={() => setWithRules(true)}>
          <SettingsIcon />
        </IconButton>
        {error && <p class="field-error" role="alert">{error}</p>}
      </form>
      {withRules && (
        <RulesDialog
          session={session}
          room={null}
          onChanged={(room) => go({ name: "class", roomId: room.id, invitation: null })}
          onClose={() => setWithRules(false)}
        />
      )}
    </>
  );
}
