import { useState } from "preact/hooks";
import type { Classroom } from "../../classroom/classroom.ts";
import { handsOf } from "../../classroom/roster.ts";
import { useStore } from "../../lib/use-store.ts";
import { ChatIcon, HandIcon, LeaveIcon, PeopleIcon, SoundIcon } from "../common/icons.tsx";
import { DeviceButtons } from "../device-buttons.tsx";
import type { PanelName } from "./panel.tsx";
import { PanelButton } from "./panel-button.tsx";

interface Props {
  readonly classroom: Classroom;
  readonly panel: PanelName | null;
  /** Whether we run the class. */
  readonly runs: boolean;
  readonly onPanel: (panel: PanelName) => void;
}

/** What one can do in a class. */
export function Controls({ classroom, panel, runs, onPanel }: Props) {
  const state = useStore(classroom.state);
  const { unread } = useStore(classroom.chat.state);
  const [busy, setBusy] = useState(false);
  const raised = state.handRaisedAt !== null;
  const toggleHand = async () => {
    setBusy(true);
    // While the connection is away the status line says so.
    await classroom.raiseHand(!raised).catch(() => undefined);
    setBusy(false);
  };
  const asking = handsOf(state.others).length + (runs ? state.waiting.length : 0);
  return (
    <footer class="controls" aria-label="Controls">
      {state.soundBlocked && (
        <button type="button" class="button primary" onClick={() => classroom.state.patch({ soundBlocked: false })}>
          <SoundIcon /> Turn on sound
        </button>
      )}
      <DeviceButtons media={classroom.options.localMedia} disabled={!state.mayPublish} />
      <button
        type="button"
        class={raised ? "round raised" : "round"}
        aria-label={raised ? "Lower hand" : "Raise hand"}
        title={raised ? "Lower hand" : "Raise hand"}
        aria-pressed={raised}
        aria-busy={busy}
        onClick={() => void toggleHand()}
      >
        <HandIcon />
      </button>
      <PanelButton name="chat" label="Chat" count={unread} of="unread" open={panel === "chat"} onPanel={onPanel}>
        <ChatIcon />
      </PanelButton>
      <PanelButton name="people" label="People" count={asking} of="asking" open={panel === "people"} onPanel={onPanel}>
        <PeopleIcon />
      </PanelButton>
      <button type="button" class="round leave" aria-label="Leave class" title="Leave class" onClick={() => void classroom.leave()}>
        <LeaveIcon />
      </button>
    </footer>
  );
}
