import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Session } from "../src/api/session.ts";

const USER = { user_id: "u", email: "a@b.example", full_name: "Ana", role: "student" };

interface Asked {
  readonly path: string;
  readonly authorization: string | null;
  readonly body: Record<string, string>;
}

/** A server that knows one account, hands out numbered tokens and refuses an access token after `expire`. */
class Server {
  readonly asked: Asked[] = [];
  #serial = 0;
  #valid = "";
  refreshStatus = 200;

  expire(): void {
    this.#valid = "";
  }

  count(path: string): number {
    return this.asked.filter((each) => each.path === path).length;
  }

  readonly fetch = async (path: string, init: RequestInit): Promise<Response> => {
    const authorization = new Headers(init.headers).get("authorization");
    this.asked.push({ path, authorization, body: JSON.parse(String(init.body ?? "{}")) as Record<string, string> });
    if (path.endsWith("/login")) return Response.json({ ...this.#tokens(), user: USER });
    if (path.endsWith("/refresh")) {
      if (this.refreshStatus === 200) return Response.json(this.#tokens());
      return Response.json({ error: "No.", code: "TOKEN_INVALID" }, { status: this.refreshStatus });
    }
    if (authorization === `Bearer ${this.#valid}`) return Response.json({ fine: true });
    return Response.json({ error: "It ran out.", code: "TOKEN_EXPIRED" }, { status: 401 });
  };

  #tokens() {
    this.#valid = `access-${++this.#serial}`;
    return { access_token: this.#valid, refresh_token: `refresh-${this.#serial}`, expires_in: 900 };
  }
}

function fakeStorage() {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
}

let server = new Server();

beforeEach(() => {
  server = new Server();
  Object.assign(globalThis, { fetch: server.fetch, sessionStorage: fakeStorage() });
});

test("calls that meet an expired token share one renewal, for a refresh token serves once", async () => {
  const session = new Session();
  await session.signIn("a@b.example", "Secret-123");
  server.expire();
  const answers = await Promise.all([session.call("/rooms"), session.call("/rooms"), session.call("/auth/profile")]);
  assert.deepEqual(answers, [{ fine: true }, { fine: true }, { fine: true }]);
  assert.equal(server.count("/api/v1/auth/refresh"), 1);
});

test("a reload takes the session up with the newest refresh token", async () => {
  const first = new Session();
  await first.signIn("a@b.example", "Secret-123");
  const second = new Session();
  await second.restore();
  assert.equal(second.state.value.phase, "signed-in");
  assert.equal(second.state.value.user?.full_name, "Ana");
  assert.deepEqual(server.asked.at(-1)?.body, { refresh_token: "refresh-1" });
});

test("a session that the server ended is over, and the user is told", async () => {
  const session = new Session();
  await session.signIn("a@b.example", "Secret-123");
  server.expire();
  server.refreshStatus = 401;
  await assert.rejects(session.call("/rooms"), { status: 401 });
  assert.equal(session.state.value.phase, "signed-out");
  assert.match(session.state.value.notice ?? "", /sign in again/);
});

test("a server that is away ends no session", async () => {
  const session = new Session();
  await session.signIn("a@b.example", "Secret-123");
  server.refreshStatus = 503;
  const reloaded = new Session();
  await reloaded.restore();
  assert.equal(reloaded.state.value.phase, "signed-in");
});

test("without a kept session one is signed out at once", async () => {
  const session = new Session();
  await session.restore();
  assert.equal(session.state.value.phase, "signed-out");
  assert.equal(server.asked.length, 0);
});
