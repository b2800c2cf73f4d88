import { useEffect } from "preact/hooks";
import type { Session } from "../api/session.ts";
import type { User } from "../api/types.ts";
import type { Classroom } from "../classroom/classroom.ts";
import { useStore } from "../lib/use-store.ts";
import { Farewell } from "./door/farewell.tsx";
import { PasswordPrompt } from "./door/password-prompt.tsx";
import { WaitingScreen } from "./door/waiting-screen.tsx";
import { Stage } from "./stage/stage.tsx";

interface Props {
  readonly session: Session;
  readonly user: User;
  readonly classroom: Classroom;
  readonly roomName: string;
  readonly onAgain: () => void;
}

/** A class from the moment one asks to come in: its door, the class itself, the goodbye. */
export function Inside({ session, user, classroom, roomName, onAgain }: Props) {
  const { phase } = useStore(classroom.state);
  useLeavingWithThePage(classroom);
  const props = { session, user, classroom, roomName };
  if (phase.name === "ended") return <Farewell session={session} user={user} ending={phase.ending} onAgain={onAgain} />;
  if (phase.name === "waiting") return <WaitingScreen {...props} />;
  if (phase.name === "password") return <PasswordPrompt {...props} asked={phase} />;
  return <Stage {...props} />;
}

/** Give the seat back at once when the page goes, instead of after the grace for lost connections. */
function useLeavingWithThePage(classroom: Classroom): void {
  useEffect(() => {
    const abandon = () => classroom.abandon();
    addEventListener("pagehide", abandon);
    return () => {
      removeEventListener("pagehide", abandon);
      abandon();
    };
  }, [classroom]);
}
