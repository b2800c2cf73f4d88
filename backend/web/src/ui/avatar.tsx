import { initialsOf, shadeOf } from "./initials.ts";

/** As many as the style sheet has. */
const SHADES = 6;

interface Props {
  readonly userId: string;
  readonly name: string;
  readonly small?: boolean;
}

/** A person's initials on a colour of their own. */
export function Avatar({ userId, name, small = false }: Props) {
  return (
    <span class={small ? "avatar small" : "avatar"} data-shade={shadeOf(userId, SHADES)} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
