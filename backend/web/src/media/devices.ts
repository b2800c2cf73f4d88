/** Asking the browser for a microphone and a camera. */

export type DeviceKind = "microphone" | "camera";

/** Why a device is not to be had. `lost` is one that worked and was taken away. */
export type DeviceProblem = "refused" | "missing" | "busy" | "insecure" | "lost";

export type Captured = Readonly<Record<DeviceKind, MediaStreamTrack | DeviceProblem>>;

const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280, max: 1280 },
  height: { ideal: 720, max: 720 },
  frameRate: { ideal: 30, max: 30 },
};

/**
 * Ask for devices, together so that the user sees one prompt; when that fails, each alone, so that one that is missing
 * or refused does not cost the other. A device not asked for counts as missing.
 */
export async function capture(kinds: readonly DeviceKind[]): Promise<Captured> {
  if (!navigator.mediaDevices?.getUserMedia) return { microphone: "insecure", camera: "insecure" };
  try {
    return tracksOf(await navigator.mediaDevices.getUserMedia(constraintsFor(kinds)));
  } catch (error) {
    if (kinds.length > 1) return alone();
    const problem = problemOf(error);
    return { microphone: problem, camera: problem };
  }
}

/** Name of a getUserMedia failure in our own few words. */
export function problemOf(error: unknown): DeviceProblem {
  switch ((error as { name?: string }).name) {
    case "NotAllowedError":
    case "SecurityError":
      return "refused";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "missing";
  }
}

/** What to tell the user about a device that is not to be had. */
export function adviceFor(kind: DeviceKind, problem: DeviceProblem): string {
  switch (problem) {
    case "refused":
      return `The browser may not use your ${kind}. Allow it in the address bar, then turn it on here.`;
    case "missing":
      return `No ${kind} was found.`;
    case "busy":
      return `Your ${kind} could not be started. Another program may be using it.`;
    case "insecure":
      return `The browser gives out the ${kind} only on a page opened over https or on localhost.`;
    case "lost":
      return `Your ${kind} was disconnected.`;
  }
}

async function alone(): Promise<Captured> {
  const { microphone } = await capture(["microphone"]);
  const { camera } = await capture(["camera"]);
  return { microphone, camera };
}

function constraintsFor(kinds: readonly DeviceKind[]): MediaStreamConstraints {
  return { audio: kinds.includes("microphone") && AUDIO, video: kinds.includes("camera") && VIDEO };
}

function tracksOf(stream: MediaStream): Captured {
  const [microphone = "missing"] = stream.getAudioTracks();
  const [camera = "missing"] = stream.getVideoTracks();
  return { microphone, camera };
}
