import type { Classroom } from "../../classroom/classroom.ts";
import { type Participant, producerOf } from "../../classroom/roster.ts";
import type { ClassroomState } from "../../classroom/state.ts";
import { Tile } from "./tile.tsx";

interface Props {
  readonly participant: Participant;
  readonly state: ClassroomState;
  readonly classroom: Classroom;
}

/** Somebody else. */
export function OtherTile({ participant, state, classroom }: Props) {
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
      handRaised={participant.handRaisedAt !== null}
      stalled={video !== undefined && state.stalled.has(video.producerId)}
      onView={(view) => video && classroom.media.show(video.producerId, view)}
      video={(video && state.tracks.get(video.producerId)) ?? null}
      audio={(audio && state.tracks.get(audio.producerId)) ?? null}
      soundBlocked={state.soundBlocked}
      onSoundBlocked={() => classroom.state.patch({ soundBlocked: true })}
    />
  );
}
