import { useState } from "preact/hooks";
import type { Session } from "../api/session.ts";
import { useStore } from "../lib/use-store.ts";
import { Brand } from "./brand.tsx";
import { Field } from "./field.tsx";
import { useSubmit } from "./use-submit.ts";
import { useTitle } from "./use-title.ts";

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
          {mode === "in" ? <SignIn session={session} /> : <SignUp session={session} />}
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

function SignIn({ session }: { readonly session: Session }) {
  const form = useSubmit(({ email = "", password = "" }) => session.signIn(email, password));
  return (
    <form onSubmit={form.onSubmit} aria-label="Sign in">
      <Field label="Email" name="email" type="email" autocomplete="username" error={form.errorOf("email")} />
      <Field label="Password" name="password" type="password" autocomplete="current-password" />
      <Failure text={form.error} />
      <button type="submit" class="button primary wide" aria-disabled={form.busy}>
        {form.busy ? "Signing in…" : "Sign in"}
      </button>
    </form>
  );
}

function SignUp({ session }: { readonly session: Session }) {
  const form = useSubmit(({ email = "", password = "", full_name = "" }) => session.signUp({ email, password, full_name }));
  return (
    <form onSubmit={form.onSubmit} aria-label="Create an account">
      <Field label="Full name" name="full_name" type="text" autocomplete="name" maxLength={200} error={form.errorOf("full_name")} />
      <Field label="Email" name="email" type="email" autocomplete="username" error={form.errorOf("email")} />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="new-password"
        hint="At least 8 characters, with an upper-case letter, a lower-case letter and a digit."
        error={form.errorOf("password")}
      />
      <Failure text={form.error} />
      <button type="submit" class="button primary wide" aria-disabled={form.busy}>
        {form.busy ? "Creating your account…" : "Create account"}
      </button>
      <p class="hint centred">New accounts are for students. Teachers get theirs from an administrator.</p>
    </form>
  );
}

function Failure({ text }: { readonly text: string | null }) {
  return text === null ? null : <p class="banner trouble" role="alert">{text}</p>;
}

function leadOf(mode: Mode, toClass: boolean): string {
  if (toClass) return mode === "in" ? "Sign in to join the class." : "Then you go straight to the class.";
  return mode === "in" ? "Sign in to see your classes." : "It takes less than a minute.";
}
