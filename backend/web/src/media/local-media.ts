import { Store } from "../lib/store.ts";
import { capture, type DeviceProblem, type DeviceKind } from "./devices.ts";

export interface DeviceState {
  /** Whether it is meant to be heard or seen. */
  readonly on: boolean;
  /** The browser is being asked for it. */
  readonly busy: boolean;
  readonly track: MediaStreamTrack | null;
  readonly problem: DeviceProblem | null;
}

export interface LocalMediaState {
  readonly microphone: DeviceState;
  readonly camera: DeviceState;
}

const IDLE: DeviceState = { on: false, busy: false, track: null, problem: null };

/**
 * Our own microphone and camera.
 *
 * A muted microphone keeps its track, so that unmuting is instant; a camera that is off gives its device back, so that
 * its light goes out.
 */
export class LocalMedia {
  readonly state = new Store<LocalMediaState>({ microphone: IDLE, camera: IDLE });
  #closed = false;

  /** Turn both on, as far as the browser and its user let us. */
  async start(): Promise<void> {
    this.#patch("microphone", { busy: true });
    this.#patch("camera", { busy: true });
    const { microphone, camera } = await capture(["microphone", "camera"]);
    this.#adopt("microphone", microphone);
    this.#adopt("camera", camera);
  }

  async toggle(kind: DeviceKind): Promise<void> {
    const { on, busy, track } = this.state.value[kind];
    if (busy) return;
    if (on) return this.turnOff(kind);
    if (track) {
      track.enabled = true;
      this.#patch(kind, { on: true });
      return;
    }
    this.#patch(kind, { busy: true });
    const captured = await capture([kind]);
    this.#adopt(kind, captured[kind]);
  }

  turnOff(kind: DeviceKind): void {
    const { on, track } = this.state.value[kind];
    if (!on || !track) return;
    if (kind === "microphone") {
      track.enabled = false;
      this.#patch(kind, { on: false });
    } else {
      track.stop();
      this.#patch(kind, { on: false, track: null });
    }
  }

  /** Give both devices back, for good. */
  close(): void {
    this.#closed = true;
    for (const kind of ["microphone", "camera"] as const) {
      this.state.value[kind].track?.stop();
      this.#patch(kind, IDLE);
    }
  }

  #adopt(kind: DeviceKind, captured: MediaStreamTrack | DeviceProblem): void {
    if (!(captured instanceof MediaStreamTrack)) {
      this.#patch(kind, { ...IDLE, problem: captured });
      return;
    }
    if (this.#closed) {
      captured.stop();
      return;
    }
    captured.addEventListener("ended", () => {
      if (this.state.value[kind].track === captured) this.#patch(kind, { ...IDLE, problem: "lost" });
    });
    this.#patch(kind, { on: true, busy: false, track: captured, problem: null });
  }

  #patch(kind: DeviceKind, changes: Partial<DeviceState>): void {
    this.state.patch({ [kind]: { ...this.state.value[kind], ...changes } });
  }
}
