import { enableSecondFactor } from "../../api/account.ts";
import type { Session } from "../../api/session.ts";
import type { SecondFactorSetup } from "../../api/types.ts";
import { CodeField } from "../common/code-field.tsx";
import { CopyBox } from "../common/copy-box.tsx";
import { Failure } from "../common/failure.tsx";
import { useSubmit } from "../common/use-submit.ts";
import { QrCode } from "./qr-code.tsx";

interface Props {
  readonly session: Session;
  readonly setup: SecondFactorSetup;
  readonly onEnabled: (backupCodes: readonly string[]) => void;
  readonly onCancel: () => void;
}

/** Shows the secret to the app, and takes the app's first code for a proof that it has it. */
export function EnableForm({ session, setup, onEnabled, onCancel }: Props) {
  const form = useSubmit(async ({ code = "" }) => onEnabled((await enableSecondFactor(session, code.trim())).backup_codes));
  return (
    <form onSubmit={form.onSubmit} aria-label="Turn the second factor on">
      <p class="lead spaced">Scan this with your authenticator app, or type the key into it.</p>
      <QrCode text={setup.otpauth_uri} label="QR code for your authenticator app" />
      <CopyBox label="Key for your authenticator app" text={setup.secret} />
      <CodeField label="Code that the app shows" error={form.errorOf("code")} />
      <Failure text={form.error} />
      <div class="actions">
        <button type="submit" class="button primary" aria-disabled={form.busy}>Turn on</button>
        <button type="button" class="button quiet" onClick={onCancel}>Cancel</button>
      </div>
    </form>
  );
}
