import { render } from "preact";
import { Session } from "./api/session.ts";
import { App } from "./ui/app.tsx";
import { watchRoute } from "./ui/router.ts";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no #app element");

const session = new Session();
void session.restore();
render(<App session={session} routes={watchRoute()} />, root);
