import type { DeviceKind } from "../media/devices.ts";
import type { DeviceState, LocalMedia } from "../media/local-media.ts";
import { useStore } from "../lib/use-store.ts";
import { CameraIcon, CameraOffIcon, MicIcon, MicOffIcon } from "./common/icons.tsx";

interface Props {
  readonly media: LocalMedia;
  readonly disabled?: boolean;
}

/** Microphone and camera, each to turn on and off. */
export function DeviceButtons({ media, disabled = false }: Props) {
  const { microphone, camera } = useStore(media.state);
  const button = (kind: DeviceKind, state: DeviceState) => (
    <DeviceButton kind={kind} state={state} disabled={disabled} onClick={() => void media.toggle(kind)} />
  );
  return (
    <>
      {button("microphone", microphone)}
      {button("camera", camera)}
    </>
  );
}

interface ButtonProps {
  readonly kind: DeviceKind;
  readonly state: DeviceState;
  readonly disabled: boolean;
  readonly onClick: () => void;
}

function DeviceButton({ kind, state, disabled, onClick }: ButtonProps) {
  const action = actionOf(kind, state.on);
  const className = ["round", !state.on && "off", state.problem && "problem"].filter(Boolean).join(" ");
  return (
    <button
      type="button"
      class={className}
      data-device={kind}
      aria-label={action}
      aria-pressed={state.on}
      aria-busy={state.busy}
      title={action}
      disabled={disabled}
      onClick={onClick}
    >
      <DeviceIcon kind={kind} on={state.on} />
    </button>
  );
}

function DeviceIcon({ kind, on }: { readonly kind: DeviceKind; readonly on: boolean }) {
  if (kind === "microphone") return on ? <MicIcon /> : <MicOffIcon />;
  return on ? <CameraIcon /> : <CameraOffIcon />;
}

function actionOf(kind: DeviceKind, on: boolean): string {
  if (kind === "microphone") return on ? "Mute microphone" : "Unmute microphone";
  return on ? "Turn camera off" : "Turn camera on";
}
