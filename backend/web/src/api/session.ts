import { ApiError } from "../lib/errors.ts";
import { Store } from "../lib/store.ts";
import { call, type Call, download } from "./http.ts";
import { BrowserTabs, type Held, type SessionTabs } from "./session-tabs.ts";
import type { Login, NewAccount, Tokens, User } from "./types.ts";

/** Kept for one tab only, so that two windows of a browser can be two people. */
const STORAGE_KEY = "vtp-session";

/** Refusals of an access token, which another one may mend. */
const STALE = ["MISSING_TOKEN", "INVALID_TOKEN", "TOKEN_EXPIRED"];

const ENDED = "Your session has ended. Please sign in again.";

/** A tab's `sessionStorage`. */
export type KeptStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface SessionState {
  /** `restoring` until a kept session has been checked. */
  readonly phase: "restoring" | "signed-out" | "signed-in";
  readonly user: User | null;
  /** Why the session ended by itself, if it did. */
  readonly notice: string | null;
}

/**
 * Who is signed in, and calls made in their name. The access token stays in memory.
 *
 * Other tabs may hold the same session (see `SessionTabs`): what one renews, all take over.
 */
export class Session {
  readonly state = new Store<SessionState>({ phase: "restoring", user: null, notice: null });
  readonly #tabs: SessionTabs;
  readonly #storage: KeptStorage;
  #accessToken: string | null = null;
  #refreshing: Promise<void> | null = null;

  constructor(tabs: SessionTabs = new BrowserTabs(), storage: KeptStorage = sessionStorage) {
    this.#tabs = tabs;
    this.#storage = storage;
    tabs.listen({
      held: () => this.#held(),
      onRenewed: (held) => this.#takeOver(held),
      onEnded: (key, notice) => key === this.#kept()?.key && this.#end(notice, false),
    });
  }

  /** Take up the session that this tab kept, if there is one. */
  async restore(): Promise<void> {
    const kept = this.#kept();
    if (!kept) return this.#end(null, false);
    this.#tabs.hold(kept.key);
    // A server that is away ends no session: the first call that reaches it renews the tokens.
    await this.#refresh().catch(() => undefined);
    const user = this.#kept()?.user;
    if (user) this.state.patch({ phase: "signed-in", user });
  }

  /** Throws `ApiError` `TOTP_REQUIRED` where the account wants a code as well. */
  async signIn(email: string, password: string, code?: string): Promise<void> {
    const body = { email, password, ...(code && { totp_code: code }) };
    const { user, ...tokens } = await call<Login>("/auth/login", { method: "POST", body });
    const held = { key: crypto.randomUUID(), serial: 0, tokens, user };
    this.#keep(held);
    this.#tabs.hold(held.key);
    this.state.patch({ phase: "signed-in", user, notice: null });
  }

  async signUp(account: NewAccount): Promise<void> {
    await call("/auth/register", { method: "POST", body: account });
    await this.signIn(account.email, account.password);
  }

  async signOut(): Promise<void> {
    const kept = this.#kept();
    const token = this.#accessToken;
    this.#end(null, true);
    if (kept && token) {
      const body = { refresh_token: kept.tokens.refresh_token };
      await call("/auth/logout", { method: "POST", body, token }).catch(() => undefined);
    }
  }

  /** The user has a new name or phone. */
  userChanged(user: User): void {
    const kept = this.#kept();
    if (!kept) return;
    const held = { ...kept, user };
    this.#keep(held);
    this.#tabs.renewed(held);
    this.state.patch({ user });
  }

  /** Make a call in the user's name; an access token that ran out is renewed once. */
  call<T>(path: string, options: Omit<Call, "token"> = {}): Promise<T> {
    return this.#asUser((token) => call<T>(path, { ...options, token }));
  }

  /** As `call`, for an answer that is a file. */
  download(path: string): Promise<Blob> {
    return this.#asUser((token) => download(path, { token }));
  }

  async #asUser<T>(ask: (token: string | null) => Promise<T>): Promise<T> {
    if (!this.#accessToken) await this.#refresh();
    try {
      return await ask(this.#accessToken);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401 || !STALE.includes(error.code)) throw error;
    }
    await this.#refresh();
    return ask(this.#accessToken);
  }

  /** Renew both tokens. A refresh token serves once, so calls at the same time share one renewal. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#renewAlone().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #renewAlone(): Promise<void> {
    const stale = this.#accessToken;
    const key = this.#kept()?.key;
    if (!key) throw new ApiError(401, "TOKEN_INVALID", "Please sign in.");
    await this.#tabs.alone(key, async () => {
      await this.#tabs.gather(key);
      const renewedByAnother = this.#accessToken !== null && this.#accessToken !== stale;
      if (!renewedByAnother) await this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const kept = this.#kept();
    if (!kept) throw new ApiError(401, "TOKEN_INVALID", "Please sign in.");
    try {
      const body = { refresh_token: kept.tokens.refresh_token };
      const tokens = await call<Tokens>("/auth/refresh", { method: "POST", body });
      const held = { ...kept, tokens, serial: kept.serial + 1 };
      this.#keep(held);
      this.#tabs.renewed(held);
    } catch (error) {
      if (error instanceof ApiError && [400, 401, 403].includes(error.status)) this.#end(ENDED, true);
      throw error;
    }
  }

  /** What this tab keeps over a reload: the session without its access token. */
  #kept(): Held | null {
    try {
      const kept = JSON.parse(this.#storage.getItem(STORAGE_KEY) ?? "null") as Partial<Held> | null;
      return kept?.key && kept.tokens ? (kept as Held) : null;
    } catch {
      return null;
    }
  }

  #held(): Held | null {
    const kept = this.#kept();
    return kept && { ...kept, tokens: { ...kept.tokens, access_token: this.#accessToken ?? "" } };
  }

  #takeOver(held: Held): void {
    const kept = this.#kept();
    if (!kept || kept.key !== held.key || held.serial < kept.serial) return;
    this.#keep(held);
    if (this.state.value.user) this.state.patch({ user: held.user });
  }

  #keep(held: Held): void {
    if (held.tokens.access_token) this.#accessToken = held.tokens.access_token;
    const tokens = { access_token: "", refresh_token: held.tokens.refresh_token };
    this.#storage.setItem(STORAGE_KEY, JSON.stringify({ ...held, tokens }));
  }

  #end(notice: string | null, tellOthers: boolean): void {
    const key = this.#kept()?.key;
    this.#accessToken = null;
    this.#storage.removeItem(STORAGE_KEY);
    this.#tabs.hold(null);
    if (key && tellOthers) this.#tabs.ended(key, notice);
    this.state.patch({ phase: "signed-out", user: null, notice });
  }
}
