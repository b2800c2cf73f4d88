import type { ComponentChildren } from "preact";
import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import type { LocalMedia } from "../../media/local-media.ts";
import { TopBar } from "../top-bar.tsx";
import { Preview } from "./preview.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly media: LocalMedia;
  readonly children: ComponentChildren;
}

/** The door of a class: oneself on one side, what it takes to come in on the other. */
export function DoorPage({ session, user, media, children }: Props) {
  return (
    <div class="page">
      <TopBar session={session} user={user} />
      <main class="column lobby">
        <Preview user={user} media={media} />
        <section class="lobby-side">{children}</section>
      </main>
    </div>
  );
}
