import type { Status } from "../../classroom/status.ts";
import { adviceFor } from "../../media/devices.ts";
import type { LocalMediaState } from "../../media/local-media.ts";
import { AlertIcon } from "../common/icons.tsx";

/** The one thing that one must know now. */
export function StatusLine({ status }: { readonly status: Status | null }) {
  return (
    <div class="status" role="status" data-tone={status?.tone ?? "none"}>
      {status?.tone === "trouble" && <AlertIcon />}
      {status && <p>{status.text}</p>}
    </div>
  );
}

export function deviceStatus({ microphone, camera }: LocalMediaState): Status | null {
  if (microphone.problem) return { tone: "info", text: adviceFor("microphone", microphone.problem) };
  if (camera.problem) return { tone: "info", text: adviceFor("camera", camera.problem) };
  return null;
}
