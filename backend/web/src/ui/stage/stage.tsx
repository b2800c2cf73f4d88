import { useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import type { Classroom } from "../../classroom/classroom.ts";
import { runs } from "../../classroom/rights.ts";
import { statusOf } from "../../classroom/status.ts";
import { useStore } from "../../lib/use-store.ts";
import { ChatPanel } from "../chat/chat-panel.tsx";
import { useTitle } from "../common/use-title.ts";
import { PeoplePanel } from "../people/people-panel.tsx";
import { WaitingBar } from "../people/waiting-bar.tsx";
import { ClassHead } from "./class-head.tsx";
import { Controls } from "./controls.tsx";
import { OtherTile } from "./other-tile.tsx";
import { OwnTile } from "./own-tile.tsx";
import type { PanelName } from "./panel.tsx";
import { StageGrid } from "./stage-grid.tsx";
import { deviceStatus, StatusLine } from "./status-line.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly classroom: Classroom;
  /** Shown until the server has told the name. */
  readonly roomName: string;
}

/** The class itself: everybody's tile, the panels beside them, and the controls. */
export function Stage({ session, user, classroom, roomName }: Props) {
  const [panel, setPanel] = useState<PanelName | null>(null);
  const state = useStore(classroom.state);
  const media = useStore(classroom.options.localMedia.state);
  const name = state.room?.name ?? roomName;
  const count = state.others.size + 1;
  const isRunning = runs({ userId: user.user_id, role: user.role }, state.room?.ownerId);
  const closePanel = () => setPanel(null);
  useTitle(name);
  return (
    <div class="class" data-phase={state.phase.name} data-panel={panel ?? "none"}>
      <ClassHead name={name} count={count} locked={state.room?.isLocked ?? false} roomId={classroom.options.roomId} />
      <StatusLine status={statusOf(state) ?? deviceStatus(media)} />
      <div class="class-body">
        <main class="stage">
          {isRunning && panel !== "people" && <WaitingBar waiting={state.waiting} onShow={() => setPanel("people")} />}
          <StageGrid count={count}>
            {[...state.others.values()].map((other) => (
              <OtherTile key={other.participantId} participant={other} state={state} classroom={classroom} />
            ))}
            <OwnTile key="self" user={user} state={state} media={media} />
          </StageGrid>
        </main>
        {panel === "chat" && <ChatPanel classroom={classroom} onClose={closePanel} />}
        {panel === "people" && (
          <PeoplePanel session={session} user={user} classroom={classroom} runs={isRunning} onClose={closePanel} />
        )}
      </div>
      <Controls classroom={classroom} panel={panel} runs={isRunning} onPanel={(wanted) => setPanel(wanted === panel ? null : wanted)} />
    </div>
  );
}
