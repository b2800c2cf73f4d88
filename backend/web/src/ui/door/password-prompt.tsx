import type { Session } from "../../api/session.ts";
import type { User } from "../../api/types.ts";
import type { Classroom } from "../../classroom/classroom.ts";
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
  /** Why it is asked for again. */
  readonly problem: string | null;
}

/** Asks for the password of a class. */
export function PasswordPrompt({ session, user, classroom, roomName, problem }: Props) {
  useTitle(roomName);
  const form = useSubmit(async ({ password = "" }) => classroom.door.givePassword(password));
  return (
    <DoorPage session={session} user={user} media={classroom.options.localMedia}>
      <p class="overline">This class has a password</p>
      <PageHeading>{roomName}</PageHeading>
      <form onSubmit={form.onSubmit} aria-label="Password of the class">
        <Field label="Password" name="password" type="password" autofocus hint="Whoever invited you knows it." />
        <Failure text={problem} />
        <div class="actions">
          <button type="submit" class="button primary">Enter class</button>
          <button type="button" class="button quiet" onClick={() => void classroom.leave()}>Leave</button>
        </div>
      </form>
    </DoorPage>
  );
}
