import { useCallback, useEffect, useState } from "preact/hooks";
import { getSecondFactor } from "../../api/account.ts";
import type { Session } from "../../api/session.ts";
import type { SecondFactor as State, SecondFactorSetup } from "../../api/types.ts";
import { sentenceOf } from "../../lib/errors.ts";
import { BackupCodes } from "./backup-codes.tsx";
import { EnableForm } from "./enable-form.tsx";
import { Section } from "./section.tsx";
import { SecondFactorOn } from "./second-factor-on.tsx";
import { SetupForm } from "./setup-form.tsx";

/** Signing in with a code from an app besides the password. */
export function SecondFactor({ session }: { readonly session: Session }) {
  const [state, setState] = useState<State | null>(null);
  const [setup, setSetup] = useState<SecondFactorSetup | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [error, setError] = useState<string | null>(null);

  const look = useCallback(async () => {
    try {
      setState(await getSecondFactor(session));
      setError(null);
    } catch (failure) {
      setError(sentenceOf(failure));
    }
  }, [session]);
  useEffect(() => void look(), [look]);

  const gotCodes = (fresh: readonly string[]) => {
    setSetup(null);
    setCodes(fresh);
    void look();
  };
  return (
    <Section title="Second factor" lead="A code from an app on your phone, besides your password.">
      {error && <p class="banner trouble" role="alert">{error}</p>}
      {codes && <BackupCodes codes={codes} onDone={() => setCodes(null)} />}
      {state && !codes && !state.enabled && !setup && <SetupForm session={session} onSetup={setSetup} />}
      {setup && <EnableForm session={session} setup={setup} onEnabled={gotCodes} onCancel={() => setSetup(null)} />}
      {state?.enabled && !codes && <SecondFactorOn session={session} state={state} onCodes={gotCodes} onOff={look} />}
    </Section>
  );
}
