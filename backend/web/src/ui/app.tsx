import type { Session } from "../api/session.ts";
import type { Store } from "../lib/store.ts";
import { useStore } from "../lib/use-store.ts";
import { AccountPage } from "./account/account-page.tsx";
import { AuditPage } from "./admin/audit-page.tsx";
import { UsersPage } from "./admin/users-page.tsx";
import { ClassPage } from "./class-page.tsx";
import { ClassesPage } from "./classes/classes-page.tsx";
import type { Route } from "./router.ts";
import { SignInPage } from "./sign-in/sign-in-page.tsx";

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
  const props = { session, user };
  if (route.name === "class") return <ClassPage key={route.roomId} {...props} {...route} />;
  if (route.name === "account") return <AccountPage {...props} />;
  // Who is no admin finds nothing there: the server tells nothing of it.
  if (route.name === "users" && user.role === "admin") return <UsersPage {...props} />;
  if (route.name === "audit" && user.role === "admin") return <AuditPage {...props} />;
  return <ClassesPage {...props} />;
}
