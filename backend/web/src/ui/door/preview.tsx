import type { User } from "../../api/types.ts";
import { useStore } from "../../lib/use-store.ts";
import type { LocalMedia } from "../../media/local-media.ts";
import { Avatar } from "../avatar.tsx";
import { DeviceButtons } from "../device-buttons.tsx";
import { VideoView } from "../media-views.tsx";

/** How one will look and sound. */
export function Preview({ user, media }: { readonly user: User; readonly media: LocalMedia }) {
  const { microphone, camera } = useStore(media.state);
  const waiting = microphone.busy || camera.busy;
  return (
    <section class="preview" aria-label="Your camera and microphone">
      <div class="tile">
        <Avatar userId={user.user_id} name={user.full_name} />
        {camera.on && <VideoView track={camera.track} mirrored label="Your camera" />}
        {waiting && <p class="preview-hint" role="status">Allow the browser to use your microphone and camera.</p>}
        <div class="preview-controls">
          <DeviceButtons media={media} />
        </div>
      </div>
    </section>
  );
}
