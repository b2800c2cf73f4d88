import type { User } from "../../api/types.ts";
import type { ClassroomState } from "../../classroom/state.ts";
import type { LocalMediaState } from "../../media/local-media.ts";
import { Tile } from "./tile.tsx";

interface Props {
  readonly user: User;
  readonly state: ClassroomState;
  readonly media: LocalMediaState;
}

/** Oneself, as the others see one. */
export function OwnTile({ user, state, media }: Props) {
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
      handRaised={state.handRaisedAt !== null}
      video={media.camera.track}
    />
  );
}
