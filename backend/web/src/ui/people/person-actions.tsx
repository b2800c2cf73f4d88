import { useState } from "preact/hooks";
import type { Moderation } from "../../classroom/moderation.ts";
import { type Participant, producerOf } from "../../classroom/roster.ts";
import { ConfirmDialog } from "../common/confirm-dialog.tsx";
import { IconButton } from "../common/icon-button.tsx";
import { MicIcon, RemoveIcon } from "../common/icons.tsx";

interface Props {
  readonly participant: Participant;
  readonly moderation: Moderation;
}

/** What who runs the class may do to one in it. */
export function PersonActions({ participant, moderation }: Props) {
  const [asking, setAsking] = useState(false);
  const { participantId, fullName } = participant;
  const speaks = producerOf(participant, "audio")?.paused === false;
  return (
    <span class="person-actions">
      {speaks && (
        <IconButton label={`Mute ${fullName}`} onClick={() => void moderation.mute(participantId)}><MicIcon /></IconButton>
      )}
      <IconButton label={`Remove ${fullName} from the class`} danger onClick={() => setAsking(true)}><RemoveIcon /></IconButton>
      {asking && (
        <ConfirmDialog
          title={`Remove ${fullName}?`}
          text="They leave the class at once. Lock the class as well if they are not to come back."
          action="Remove"
          onConfirm={() => moderation.kick(participantId)}
          onClose={() => setAsking(false)}
        />
      )}
    </span>
  );
}
