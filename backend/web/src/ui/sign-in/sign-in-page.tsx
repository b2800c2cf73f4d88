import { useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import { useStore } from "../../lib/use-store.ts";
import { Brand } from "../brand.tsx";
import { useTitle } from "../common/use-title.ts";
import { SignInForm } from "./sign-in-form.tsx";
import { SignUpForm } from "./sign-up-form.tsx";

interface Props {
  readonly session: Session;
  /** The visitor came with a link to a class and will get there after signing in. */
  readonly toClass: boolean;
}

type Mode = "in" | "up";

/** Signing in, or making a student's account. */
export function SignInPage({ session, toClass }: Props) {
  const [mode, setMode] = useState<Mode>("in");
  const { notice } = useStore(session.state);
  useTitle("Sign in");
  return (
    <div class="welcome">
      <section class="welcome-board" aria-label="About">
        <Brand />
        <div class="welcome-words">
          <h1>Class is in session.</h1>
          <p>See, hear and talk to each other in a live classroom. Nothing to install: it all happens in this page.</p>
        </div>
        <img class="welcome-art" src="/board.svg" alt="" width="560" height="380" />
      </section>
      <main class="welcome-form">
        <div class="sheet">
          <h2>{mode === "in" ? "Welcome back" : "Create your account"}</h2>
          <p class="lead">{leadOf(mode, toClass)}</p>
          {notice && <p class="banner" role="status">{notice}</p>}
          {mode === "in" ? <SignInForm session={session} /> : <SignUpForm session={session} />}
          <p class="switch">
            {mode === "in" ? "New here?" : "Have an account?"}{" "}
            <button type="button" class="link" onClick={() => setMode(mode === "in" ? "up" : "in")}>
              {mode === "in" ? "Create an account" : "Sign in"}
            </button>
          </p>
        </div>
      </main>
    </div>
  );
}

function leadOf(mode: Mode, toClass: boolean): string {
  if (toClass) return mode === "in" ? "Sign in to join the class." : "Then you go straight to the class.";
  return mode === "in" ? "Sign in to see your classes." : "It takes less than a minute.";
}
