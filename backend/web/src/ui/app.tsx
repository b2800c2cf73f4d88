import type { Session } from "../api/session.ts";
import type { Store } from "../lib/store.ts";
import { useStore } from "../lib/use-store.ts";
import { ClassPage } from "./class-page.tsx";
import { ClassesPage } from "./classes-page.tsx";
import type { Route } from "./router.ts";
import { SignInPage } from "./sign-in-page.tsx";

interface Props {
  readonly session: Session;
  readonly routes: Store<{ route: Route }>;
}

/** The whole page: signing in comes first, then whatever the address names. */
export function App({ session, routes }: Props) {
  const { phase, user } = useStore(session.state);
  const { route } = useStore(routes);
  if (phase === "restoring") return <p class="splash" role="status">Opening the classroom…</p>;
  if (!user) return <SignInPage session={session} toClass={route.name === "class"} />;
  if (route.name === "classes") return <ClassesPage session={session} user={user} />;
  return <ClassPage key={route.roomId} session={session} user={user} roomId={route.roomId} />;
}
