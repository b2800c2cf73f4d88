import type { Role } from "../../api/types.ts";
import type { View } from "../../media/reception.ts";
import { Avatar } from "../avatar.tsx";
import { HandIcon, MicOffIcon } from "../common/icons.tsx";
import { AudioView, VideoView } from "../media-views.tsx";

interface Props {
  readonly participantId: string;
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly self?: boolean;
  readonly muted: boolean;
  readonly cameraOn: boolean;
  readonly speaking?: boolean;
  readonly handRaised?: boolean;
  readonly video: MediaStreamTrack | null;
  /** Sound to play; our own is never played to us. */
  readonly audio?: MediaStreamTrack | null;
  /** The picture stands still since the connection is too slow. */
  readonly stalled?: boolean;
  readonly onView?: (view: View) => void;
  readonly soundBlocked?: boolean;
  readonly onSoundBlocked?: () => void;
}

const NOTHING = () => undefined;

/** One participant: picture or initials, name, and whether they can be heard. */
export function Tile(props: Props) {
  const { participantId, userId, name, role, self = false, muted, cameraOn, speaking = false, video, audio } = props;
  // The server names the next speaker, not the end of the last one's turn; who is muted certainly does not speak.
  const speaks = speaking && !muted;
  return (
    <li
      class={speaks ? "tile speaking" : "tile"}
      data-participant-id={participantId}
      data-self={self}
      data-muted={muted}
      data-speaking={speaks}
      data-camera={cameraOn ? "on" : "off"}
      data-hand={props.handRaised ? "up" : "down"}
    >
      <Avatar userId={userId} name={name} />
      {cameraOn && <VideoView track={video} mirrored={self} label={`Video of ${name}`} onView={props.onView} />}
      {cameraOn && props.stalled && <p class="tile-note">Slow connection: the picture waits</p>}
      {audio && (
        <AudioView track={audio} blocked={props.soundBlocked ?? false} onBlocked={props.onSoundBlocked ?? NOTHING} />
      )}
      {props.handRaised && (
        <p class="tile-hand" title="Hand is raised">
          <HandIcon />
          <span class="unseen">hand raised</span>
        </p>
      )}
      <p class="tile-label">
        {muted && (
          <span class="tile-muted" title="Microphone is off">
            <MicOffIcon />
            <span class="unseen">muted</span>
          </span>
        )}
        <span class="tile-name">{self ? `${name} (you)` : name}</span>
        {role !== "student" && <span class="tile-role">{role === "teacher" ? "Teacher" : "Admin"}</span>}
      </p>
    </li>
  );
}
