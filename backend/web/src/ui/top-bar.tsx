import type { Session } from "../api/session.ts";
import type { User } from "../api/types.ts";
import { Avatar } from "./avatar.tsx";
import { Brand } from "./brand.tsx";
import { Nav } from "./nav.tsx";
import { go, type Route } from "./router.ts";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly at?: Route["name"];
}

/** The bar above every page but the class itself: the ways through the page, and who is signed in. */
export function TopBar({ session, user, at }: Props) {
  const signOut = () => {
    void session.signOut();
    // Whoever signs in next here begins at the beginning.
    go({ name: "classes" });
  };
  return (
    <header class="top-bar">
      <a href="#/" class="home" aria-label="VTP classroom, all classes">
        <Brand />
      </a>
      <Nav user={user} at={at ?? null} />
      <div class="account">
        <Avatar userId={user.user_id} name={user.full_name} small />
        <span class="account-name">
          {user.full_name}
          <span class="role">{user.role}</span>
        </span>
        <button type="button" class="button quiet" onClick={signOut}>
          Sign out
        </button>
      </div>
    </header>
  );
}
