import { useState } from "preact/hooks";
import { disableSecondFactor, renewBackupCodes } from "../../api/account.ts";
import type { Session } from "../../api/session.ts";
import type { SecondFactor } from "../../api/types.ts";
import { CodeField } from "../common/code-field.tsx";
import { Failure } from "../common/failure.tsx";
import { Field } from "../common/field.tsx";
import { useSubmit } from "../common/use-submit.ts";

interface Props {
  readonly session: Session;
  readonly state: SecondFactor;
  readonly onCodes: (codes: readonly string[]) => void;
  readonly onOff: () => Promise<void>;
}

/** A second factor that is on: new backup codes, or turning it off. */
export function SecondFactorOn({ session, state, onCodes, onOff }: Props) {
  const [open, setOpen] = useState<"codes" | "off" | null>(null);
  const toggle = (which: "codes" | "off") => setOpen(open === which ? null : which);
  return (
    <>
      <p class="lead spaced">It is on. <span class="chip">{state.backup_codes_left} backup codes left</span></p>
      <div class="actions">
        <button type="button" class="button" aria-expanded={open === "codes"} onClick={() => toggle("codes")}>New backup codes</button>
        <button type="button" class="button" aria-expanded={open === "off"} onClick={() => toggle("off")}>Turn off</button>
      </div>
      {open === "codes" && <CodesForm session={session} onCodes={onCodes} />}
      {open === "off" && <OffForm session={session} onOff={onOff} />}
    </>
  );
}

function CodesForm({ session, onCodes }: Pick<Props, "session" | "onCodes">) {
  const form = useSubmit(async ({ code = "" }) => onCodes((await renewBackupCodes(session, code.trim())).backup_codes));
  return (
    <form class="inner-form" onSubmit={form.onSubmit} aria-label="New backup codes">
      <CodeField label="Code from your app" hint="The former backup codes end." error={form.errorOf("code")} />
      <Failure text={form.error} />
      <button type="submit" class="button primary" aria-disabled={form.busy}>Make new codes</button>
    </form>
  );
}

function OffForm({ session, onOff }: Pick<Props, "session" | "onOff">) {
  const form = useSubmit(async ({ password = "", code = "" }) => {
    await disableSecondFactor(session, password, code.trim());
    await onOff();
  });
  return (
    <form class="inner-form" onSubmit={form.onSubmit} aria-label="Turn the second factor off">
      <Field label="Your password" name="password" type="password" autocomplete="current-password" error={form.errorOf("password")} autofocus />
      <Field label="Code from your app" name="code" type="text" autocomplete="one-time-code" maxLength={32} error={form.errorOf("code")} />
      <Failure text={form.error} />
      <button type="submit" class="button danger" aria-disabled={form.busy}>Turn it off</button>
    </form>
  );
}
