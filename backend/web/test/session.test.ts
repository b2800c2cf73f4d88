import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Held, SessionTabs, TabEvents } from "../src/api/session-tabs.ts";
import { type KeptStorage, Session } from "../src/api/session.ts";

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
  wantsCode = false;
  refusesCodes = false;
  /** Serves once. */
  #refreshToken = "";

  expire(): void {
    this.#valid = "";
  }

  count(path: string): number {
    return this.asked.filter((each) => each.path === path).length;
  }

  readonly fetch = async (path: string, init: RequestInit): Promise<Response> => {
    const authorization = new Headers(init.headers).get("authorization");
    this.asked.push({ path, authorization, body: JSON.parse(String(init.body ?? "{}")) as Record<string, string> });
    if (path.endsWith("/login") && this.wantsCode && !this.asked.at(-1)?.body["totp_code"]) {
      return Response.json({ error: "Give the code.", code: "TOTP_REQUIRED" }, { status: 401 });
    }
    if (path.endsWith("/login")) return Response.json({ ...this.#tokens(), user: USER });
    if (path.endsWith("/refresh")) {
      const spent = this.asked.at(-1)?.body["refresh_token"] !== this.#refreshToken;
      if (this.refreshStatus === 200 && !spent) return Response.json(this.#tokens());
      if (this.refreshStatus === 200) this.refreshStatus = 401;
      return Response.json({ error: "No.", code: "TOKEN_INVALID" }, { status: this.refreshStatus });
    }
    if (this.refusesCodes) return Response.json({ error: "Wrong.", code: "INVALID_TOTP" }, { status: 401 });
    if (authorization === `Bearer ${this.#valid}`) return Response.json({ fine: true });
    return Response.json({ error: "It ran out.", code: "TOKEN_EXPIRED" }, { status: 401 });
  };

  #tokens() {
    this.#valid = `access-${++this.#serial}`;
    this.#refreshToken = `refresh-${this.#serial}`;
    return { access_token: this.#valid, refresh_token: this.#refreshToken, expires_in: 900 };
  }
}

function fakeStorage(copied: ReadonlyMap<string, string> = new Map()): KeptStorage & { copy: () => KeptStorage } {
  const values = new Map(copied);
  return {
    copy: () => fakeStorage(values),
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
}

/** The tabs of one browser, each with a storage of its own: what is told and locked is all they have in common. */
class Browser {
  readonly #tabs = new Map<SessionTabs, TabEvents>();
  #renewal: Promise<unknown> = Promise.resolve();

  tab(storage: KeptStorage = fakeStorage()): Session {
    return new Session(this.#link(), storage);
  }

  #link(): SessionTabs {
    const others = () => [...this.#tabs].filter(([tab]) => tab !== link).map(([, events]) => events);
    const link: SessionTabs = {
      listen: (events) => void this.#tabs.set(link, events),
      hold: () => undefined,
      alone: <T>(_key: string, action: () => Promise<T>) => {
        const turn = this.#renewal.then(action, action);
        this.#renewal = turn.catch(() => undefined);
        return turn;
      },
      gather: async () => {
        const mine = this.#tabs.get(link);
        for (const held of others().map((events) => events.held())) if (held) mine?.onRenewed(held);
      },
      renewed: (held: Held) => others().forEach((events) => events.onRenewed(held)),
      ended: (key, notice) => others().forEach((events) => events.onEnded(key, notice)),
    };
    return link;
  }
}

let server = new Server();
let browser = new Browser();

beforeEach(() => {
  server = new Server();
  browser = new Browser();
  Object.assign(globalThis, { fetch: server.fetch });
});

test("calls that meet an expired token share one renewal, for a refresh token serves once", async () => {
  const session = browser.tab();
  await session.signIn("a@b.example", "Secret-123");
  server.expire();
  const answers = await Promise.all([session.call("/rooms"), session.call("/rooms"), session.call("/auth/profile")]);
  assert.deepEqual(answers, [{ fine: true }, { fine: true }, { fine: true }]);
  assert.equal(server.count("/api/v1/auth/refresh"), 1);
});

test("a reload takes the session up with the newest refresh token", async () => {
  const storage = fakeStorage();
  await browser.tab(storage).signIn("a@b.example", "Secret-123");
  browser = new Browser();
  const second = browser.tab(storage);
  await second.restore();
  assert.equal(second.state.value.phase, "signed-in");
  assert.equal(second.state.value.user?.full_name, "Ana");
  assert.deepEqual(server.asked.at(-1)?.body, { refresh_token: "refresh-1" });
});

test("a session that the server ended is over, and the user is told", async () => {
  const session = browser.tab();
  await session.signIn("a@b.example", "Secret-123");
  server.expire();
  server.refreshStatus = 401;
  await assert.rejects(session.call("/rooms"), { status: 401 });
  assert.equal(session.state.value.phase, "signed-out");
  assert.match(session.state.value.notice ?? "", /sign in again/);
});

test("a server that is away ends no session", async () => {
  const storage = fakeStorage();
  await browser.tab(storage).signIn("a@b.example", "Secret-123");
  server.refreshStatus = 503;
  browser = new Browser();
  const reloaded = browser.tab(storage);
  await reloaded.restore();
  assert.equal(reloaded.state.value.phase, "signed-in");
});

test("without a kept session one is signed out at once", async () => {
  const session = browser.tab();
  await session.restore();
  assert.equal(session.state.value.phase, "signed-out");
  assert.equal(server.asked.length, 0);
});

test("two tabs with one session renew it once, and neither trips over the other", async () => {
  const storage = fakeStorage();
  const first = browser.tab(storage);
  await first.signIn("a@b.example", "Secret-123");
  const duplicate = browser.tab(storage.copy());
  await duplicate.restore();
  assert.equal(server.count("/api/v1/auth/refresh"), 0);
  server.expire();
  const answers = await Promise.all([first.call("/rooms"), duplicate.call("/rooms"), duplicate.call("/auth/profile")]);
  assert.deepEqual(answers, [{ fine: true }, { fine: true }, { fine: true }]);
  assert.equal(server.count("/api/v1/auth/refresh"), 1);
});

test("signing out in one tab signs its duplicate out as well", async () => {
  const storage = fakeStorage();
  const first = browser.tab(storage);
  await first.signIn("a@b.example", "Secret-123");
  const duplicate = browser.tab(storage.copy());
  await duplicate.restore();
  await first.signOut();
  assert.equal(duplicate.state.value.phase, "signed-out");
});

test("a second factor is asked for, and its code sent along", async () => {
  const session = browser.tab();
  server.wantsCode = true;
  await assert.rejects(session.signIn("a@b.example", "Secret-123"), { code: "TOTP_REQUIRED" });
  await session.signIn("a@b.example", "Secret-123", "123456");
  assert.equal(session.state.value.phase, "signed-in");
  assert.equal(server.asked.at(-1)?.body["totp_code"], "123456");
});

test("a refusal that is not about the token spends no renewal", async () => {
  const session = browser.tab();
  await session.signIn("a@b.example", "Secret-123");
  server.refusesCodes = true;
  await assert.rejects(session.call("/auth/totp/enable"), { code: "INVALID_TOTP" });
  assert.equal(server.count("/api/v1/auth/refresh"), 0);
  assert.equal(server.count("/api/v1/auth/totp/enable"), 1);
});
