import { LockIcon, PeopleIcon } from "../common/icons.tsx";
import { PageHeading } from "../common/page-heading.tsx";
import { CopyLink } from "../copy-link.tsx";

interface Props {
  readonly name: string;
  readonly count: number;
  readonly locked: boolean;
  readonly roomId: string;
}

/** Which class it is, and how many are there. */
export function ClassHead({ name, count, locked, roomId }: Props) {
  return (
    <header class="class-head">
      <PageHeading>{name}</PageHeading>
      {locked && <span class="chip" data-locked><LockIcon /> Locked</span>}
      <p class="count" data-count={count}>
        <PeopleIcon />
        <span class="count-number">{count}</span>
        <span class="count-word">{count === 1 ? "participant" : "participants"}</span>
      </p>
      <CopyLink roomId={roomId} />
    </header>
  );
}
