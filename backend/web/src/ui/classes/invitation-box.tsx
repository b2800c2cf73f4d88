import { useEffect, useState } from "preact/hooks";
import { createInvitation, deleteInvitation, getInvitation } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import type { InvitationInfo } from "../../api/types.ts";
import { codeOf, sentenceOf } from "../../lib/errors.ts";
import { momentOf } from "../../lib/when.ts";
import { CopyBox } from "../common/copy-box.tsx";
import { addressOf } from "../router.ts";

interface Props {
  readonly session: Session;
  readonly roomId: string;
}

/** A link that lets its bearer in without the password. The server tells it once; later it can be replaced only. */
export function InvitationBox({ session, roomId }: Props) {
  const [info, setInfo] = useState<InvitationInfo | null>(null);
  const [token, setToken] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  async function attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      setProblem(null);
    } catch (error) {
      if (codeOf(error) !== "INVITATION_NOT_FOUND") setProblem(sentenceOf(error));
    }
  }

  useEffect(() => void attempt(async () => setInfo(await getInvitation(session, roomId))), [session, roomId]);

  const make = () =>
    attempt(async () => {
      const made = await createInvitation(session, roomId);
      setInfo(made);
      setToken(made.token);
    });
  const withdraw = () =>
    attempt(async () => {
      await deleteInvitation(session, roomId);
      setInfo(null);
      setToken(null);
    });

  return (
    <section class="invitation" aria-label="Invitation link">
      <h3>Invitation link</h3>
      <p class="hint">{hintOf(info, token)}</p>
      {token && <CopyBox label="Invitation link" text={addressOf({ name: "class", roomId, invitation: token })} />}
      {problem && <p class="field-error" role="alert">{problem}</p>}
      <div class="actions">
        <button type="button" class="button" onClick={() => void make()}>{info ? "Make a new link" : "Make an invitation link"}</button>
        {info && <button type="button" class="button quiet" onClick={() => void withdraw()}>Withdraw it</button>}
      </div>
    </section>
  );
}

function hintOf(info: InvitationInfo | null, token: string | null): string {
  if (!info) return "Who has the link needs no password. It does not stand in for the waiting room.";
  const until = info.expires_at ? ` and holds until ${momentOf(info.expires_at)}` : "";
  if (token) return `Copy it now, it is not shown again. It was made just now${until}.`;
  return `A link is in use: made ${momentOf(info.created_at)}${until}. A new one puts an end to it.`;
}
