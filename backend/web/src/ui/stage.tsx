import { useEffect } from "preact/hooks";
import type { User } from "../api/types.ts";
import type { Classroom } from "../classroom/classroom.ts";
import { type Participant, producerOf } from "../classroom/roster.ts";
import type { ClassroomState } from "../classroom/state.ts";
import { type Status, statusOf } from "../classroom/status.ts";
import { useStore } from "../lib/use-store.ts";
import { adviceFor } from "../media/devices.ts";
import type { LocalMediaState } from "../media/local-media.ts";
import { CopyLink } from "./copy-link.tsx";
import { DeviceButtons } from "./device-buttons.tsx";
import { AlertIcon, LeaveIcon, PeopleIcon, SoundIcon } from "./icons.tsx";
import { PageHeading } from "./page-heading.tsx";
import { StageGrid } from "./stage-grid.tsx";
import { Tile } from "./tile.tsx";
import { useTitle } from "./use-title.ts";

interface Props {
  readonly classroom: Classroom;
  readonly user: User;
  /** Shown until the server has told the name. */
  readonly roomName: string;
}

/** The class itself: everybody's tile, and the controls. */
export function Stage({ classroom, user, roomName }: Props) {
  const state = useStore(classroom.state);
  const media = useStore(classroom.options.localMedia.state);
  const name = state.room?.name ?? roomName;
  const count = state.others.size + 1;
  useTitle(name);
  useLeavingWithThePage(classroom);
  return (
    <div class="class" data-phase={state.phase.name}>
      <header class="class-head">
        <PageHeading>{name}</PageHeading>
        <p class="count" data-count={count}>
          <PeopleIcon />
          <span class="count-number">{count}</span>
          <span class="count-word">{count === 1 ? "participant" : "participants"}</span>
        </p>
        <CopyLink roomId={classroom.options.roomId} />
      </header>
      <StatusLine status={statusOf(state) ?? deviceStatus(media)} />
      <main class="stage">
        <StageGrid count={count}>
          {[...state.others.values()].map((other) => (
            <OtherTile key={other.participantId} participant={other} state={state} classroom={classroom} />
          ))}
          <OwnTile key="self" user={user} state={state} media={media} />
        </StageGrid>
      </main>
      <footer class="controls" aria-label="Controls">
        {state.soundBlocked && (
          <button type="button" class="button primary" onClick={() => classroom.state.patch({ soundBlocked: false })}>
            <SoundIcon /> Turn on sound
          </button>
        )}
        <DeviceButtons media={classroom.options.localMedia} disabled={!state.mayPublish} />
        <button type="button" class="round leave" aria-label="Leave class" title="Leave class" onClick={() => void classroom.leave()}>
          <LeaveIcon />
        </button>
      </footer>
    </div>
  );
}

interface OtherProps {
  readonly participant: Participant;
  readonly state: ClassroomState;
  readonly classroom: Classroom;
}

function OtherTile({ participant, state, classroom }: OtherProps) {
  const audio = producerOf(participant, "audio");
  const video = producerOf(participant, "video");
  return (
    <Tile
      participantId={participant.participantId}
      userId={participant.userId}
      name={participant.fullName}
      role={participant.role}
      muted={audio?.paused ?? true}
      cameraOn={video?.paused === false}
      speaking={state.speakerId === participant.participantId}
      stalled={video !== undefined && state.stalled.has(video.producerId)}
      onView={(view) => video && classroom.show(video.producerId, view)}
      video={(video && state.tracks.get(video.producerId)) ?? null}
      audio={(audio && state.tracks.get(audio.producerId)) ?? null}
      soundBlocked={state.soundBlocked}
      onSoundBlocked={() => classroom.state.patch({ soundBlocked: true })}
    />
  );
}

interface OwnProps {
  readonly user: User;
  readonly state: ClassroomState;
  readonly media: LocalMediaState;
}

function OwnTile({ user, state, media }: OwnProps) {
  return (
    <Tile
      self
      participantId={state.participantId ?? ""}
      userId={user.user_id}
      name={user.full_name}
      role={user.role}
      muted={!media.microphone.on}
      cameraOn={media.camera.on}
      speaking={state.participantId !== null && state.speakerId === state.participantId}
      video={media.camera.track}
    />
  );
}

function StatusLine({ status }: { readonly status: Status | null }) {
  return (
    <div class="status" role="status" data-tone={status?.tone ?? "none"}>
      {status?.tone === "trouble" && <AlertIcon />}
      {status && <p>{status.text}</p>}
    </div>
  );
}

function deviceStatus({ microphone, camera }: LocalMediaState): Status | null {
  if (microphone.problem) return { tone: "info", text: adviceFor("microphone", microphone.problem) };
  if (camera.problem) return { tone: "info", text: adviceFor("camera", camera.problem) };
  return null;
}

/** Give the seat back at once when the page goes, instead of after the grace for lost connections. */
function useLeavingWithThePage(classroom: Classroom): void {
  useEffect(() => {
    const abandon = () => classroom.abandon();
    addEventListener("pagehide", abandon);
    return () => {
      removeEventListener("pagehide", abandon);
      abandon();
    };
  }, [classroom]);
}
