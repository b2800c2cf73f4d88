import type { User } from "../api/types.ts";
import { hashOf, type Route } from "./router.ts";

interface Props {
  readonly user: User;
  readonly at: Route["name"] | null;
}

const PLACES = [
  { name: "classes", label: "Classes", forAdmins: false },
  { name: "users", label: "Users", forAdmins: true },
  { name: "audit", label: "Audit log", forAdmins: true },
  { name: "account", label: "Account", forAdmins: false },
] as const;

/** The ways through the page outside of a class. */
export function Nav({ user, at }: Props) {
  const places = PLACES.filter(({ forAdmins }) => !forAdmins || user.role === "admin");
  return (
    <nav class="nav" aria-label="Pages">
      {places.map(({ name, label }) => (
        <a key={name} href={hashOf({ name })} aria-current={name === at ? "page" : undefined}>{label}</a>
      ))}
    </nav>
  );
}
