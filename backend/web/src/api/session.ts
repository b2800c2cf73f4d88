import { ApiError } from "../lib/errors.ts";
import { Store } from "../lib/store.ts";
import { call, type Call } from "./http.ts";
import type { Login, NewAccount, Tokens, User } from "./types.ts";

/** Kept for one tab only, so that two windows of a browser can be two people. */
const STORAGE_KEY = "vtp-session";

interface Kept {
  readonly refreshToken: string;
  readonly user: User;
}

export interface SessionState {
  /** `restoring` until a kept session has been checked. */
  readonly phase: "restoring" | "signed-out" | "signed-in";
  readonly user: User | null;
  /** Why the session ended by itself, if it did. */
  readonly notice: string | null;
}

/** Who is signed in, and calls made in their name. The access token stays in memory. */
export class Session {
  readonly state = new Store<SessionState>({ phase: "restoring", user: null, notice: null });
  #accessToken: string | null = null;
  #refreshing: Promise<void> | null = null;

  /** Take up the session that this tab kept, if there is one. */
  async restore(): Promise<void> {
    const kept = readKept();
    if (!kept) return this.#end(null);
    // A server that is away ends no session: the first call that reaches it renews the tokens.
    await this.#refresh().catch(() => undefined);
    if (readKept()) this.state.patch({ phase: "signed-in", user: kept.user });
  }

  async signIn(email: string, password: string): Promise<void> {
    const login = await call<Login>("/auth/login", { method: "POST", body: { email, password } });
    this.#keep(login, login.user);
    this.state.patch({ phase: "signed-in", user: login.user, notice: null });
  }

  async signUp(account: NewAccount): Promise<void> {
    await call("/auth/register", { method: "POST", body: account });
    await this.signIn(account.email, account.password);
  }

  async signOut(): Promise<void> {
    const kept = readKept();
    const token = this.#accessToken;
    this.#end(null);
    if (kept && token) {
      const body = { refresh_token: kept.refreshToken };
      await call("/auth/logout", { method: "POST", body, token }).catch(() => undefined);
    }
  }

  /** Make a call in the user's name; an access token that ran out is renewed once. */
  async call<T>(path: string, options: Omit<Call, "token"> = {}): Promise<T> {
    if (!this.#accessToken) await this.#refresh();
    try {
      return await call<T>(path, { ...options, token: this.#accessToken });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    }
    await this.#refresh();
    return call<T>(path, { ...options, token: this.#accessToken });
  }

  /** Renew both tokens. A refresh token serves once, so calls at the same time share one renewal. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#renew().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #renew(): Promise<void> {
    const kept = readKept();
    if (!kept) throw new ApiError(401, "TOKEN_INVALID", "Please sign in.");
    try {
      const body = { refresh_token: kept.refreshToken };
      this.#keep(await call<Tokens>("/auth/refresh", { method: "POST", body }), kept.user);
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) this.#end("Your session has ended. Please sign in again.");
      throw error;
    }
  }

  #keep(tokens: Tokens, user: User): void {
    this.#accessToken = tokens.access_token;
    const kept: Kept = { refreshToken: tokens.refresh_token, user };
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(kept));
  }

  #end(notice: string | null): void {
    this.#accessToken = null;
    sessionStorage.removeItem(STORAGE_KEY);
    this.state.patch({ phase: "signed-out", user: null, notice });
  }
}

function readKept(): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}
