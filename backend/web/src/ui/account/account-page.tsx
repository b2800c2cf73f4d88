import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import { PageHeading } from "../common/page-heading.tsx";
import { useTitle } from "../common/use-title.ts";
import { TopBar } from "../top-bar.tsx";
import { PasswordForm } from "./password-form.tsx";
import { ProfileForm } from "./profile-form.tsx";
import { SecondFactor } from "./second-factor.tsx";
import { Sessions } from "./sessions.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
}

/** One's own account. */
export function AccountPage({ session, user }: Props) {
  useTitle("Account");
  return (
    <div class="page">
      <TopBar session={session} user={user} at="account" />
      <main class="column narrow">
        <div class="page-head">
          <div>
            <PageHeading>Your account</PageHeading>
            <p class="lead">{user.email}</p>
          </div>
        </div>
        <ProfileForm session={session} user={user} />
        <PasswordForm session={session} user={user} />
        <SecondFactor session={session} />
        <Sessions session={session} />
      </main>
    </div>
  );
}
