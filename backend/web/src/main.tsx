import { render } from "preact";
import { refreshProfile } from "./api/account.ts";
import { Session } from "./api/session.ts";
import { App } from "./ui/app.tsx";
import { watchRoute } from "./ui/router.ts";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no #app element");

const session = new Session();
void session.restore().then(async () => {
  // What is kept over a reload may be old; without news it serves.
  if (session.state.value.user) await refreshProfile(session).catch(() => undefined);
});
render(<App session={session} routes={watchRoute()} />, root);
