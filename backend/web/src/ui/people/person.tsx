import type { ComponentChildren } from "preact";
import type { Role } from "../../api/types.ts";
import { Avatar } from "../avatar.tsx";
import { HandIcon, MicOffIcon } from "../common/icons.tsx";

interface Props {
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly self?: boolean;
  readonly muted?: boolean;
  readonly handRaised?: boolean;
  /** What can be done. */
  readonly children?: ComponentChildren;
}

/** A line about one person. */
export function Person({ userId, name, role, self = false, muted = false, handRaised = false, children }: Props) {
  return (
    <li class="person" data-person={userId}>
      <Avatar userId={userId} name={name} small />
      <span class="person-name">
        {self ? `${name} (you)` : name}
        {role !== "student" && <span class="role">{role}</span>}
      </span>
      {handRaised && <span class="person-hand" title="Hand is raised"><HandIcon /><span class="unseen">hand raised</span></span>}
      {muted && <span class="person-muted" title="Microphone is off"><MicOffIcon /><span class="unseen">muted</span></span>}
      {children}
    </li>
  );
}
