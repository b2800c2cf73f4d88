import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import type { Classroom } from "../../classroom/classroom.ts";
import type { AskedForPassword } from "../../classroom/state.ts";
import { Failure } from "../common/failure.tsx";
import { Field } from "../common/field.tsx";
import { PageHeading } from "../common/page-heading.tsx";
import { useSubmit } from "../common/use-submit.ts";
import { useTitle } from "../common/use-title.ts";
import { DoorPage } from "./door-page.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly classroom: Classroom;
  readonly roomName: string;
  readonly asked: AskedForPassword;
}

/** Asks for the password of a class. */
export function PasswordPrompt({ session, user, classroom, roomName, asked }: Props) {
  useTitle(roomName);
  const form = useSubmit(async ({ password = "" }) => {
    if (!asked.checking) classroom.door.givePassword(password);
  });
  return (
    <DoorPage session={session} user={user} media={classroom.options.localMedia}>
      <p class="overline">This class has a password</p>
      <PageHeading>{roomName}</PageHeading>
      <form onSubmit={form.onSubmit} aria-label="Password of the class">
        <Field label="Password" name="password" type="password" autofocus hint="Whoever invited you knows it." />
        <Failure text={asked.problem} />
        <div class="actions">
          <button type="submit" class="button primary" aria-disabled={asked.checking}>{asked.checking ? "Checking…" : "Enter class"}</button>
          <button type="button" class="button quiet" onClick={() => void classroom.leave()}>Leave</button>
        </div>
      </form>
    </DoorPage>
  );
}
