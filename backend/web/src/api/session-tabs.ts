import type { Login } from "./types.ts";

/** A session as one tab holds it. */
export interface Held {
  /** Names the session among the tabs that hold it; made at sign-in. */
  readonly key: string;
  /** How often its tokens have been renewed: the higher one is the newer. */
  readonly serial: number;
  readonly tokens: Pick<Login, "access_token" | "refresh_token">;
  readonly user: Login["user"];
}

type News =
  | { readonly kind: "renewed"; readonly held: Held }
  | { readonly kind: "ended"; readonly key: string; readonly notice: string | null }
  | { readonly kind: "asked"; readonly key: string };

export interface TabEvents {
  /** Another tab has newer tokens, or a changed user. */
  readonly onRenewed: (held: Held) => void;
  /** Another tab ended the session. */
  readonly onEnded: (key: string, notice: string | null) => void;
  /** What this tab holds, to be told to one that asks. */
  readonly held: () => Held | null;
}

/**
 * The tabs that hold one session: a duplicated tab has a copy of everything. A refresh token serves once and one that
 * comes twice ends the session, so they renew one at a time and tell each other.
 */
export interface SessionTabs {
  listen(events: TabEvents): void;
  /** From now on this tab holds this session; null: none. */
  hold(key: string | null): void;
  /** Do something that no other tab does at the same time. */
  alone<T>(key: string, action: () => Promise<T>): Promise<T>;
  /** Ask the others for what they hold, which `onRenewed` hears; resolves when they have told or there are none. */
  gather(key: string): Promise<void>;
  renewed(held: Held): void;
  ended(key: string, notice: string | null): void;
}

const CHANNEL = "vtp-session";
/** A tab that is awake tells within milliseconds; one that the browser froze may not. */
const TELL_WITHIN_MS = 400;

const tabLock = (key: string) => `vtp-tab-${key}`;
const renewalLock = (key: string) => `vtp-renewal-${key}`;

/** The tabs of this browser. Without a secure origin there are no locks: tabs then only tell each other. */
export class BrowserTabs implements SessionTabs {
  readonly #channel = new BroadcastChannel(CHANNEL);
  readonly #locks: LockManager | undefined = navigator.locks;
  #letGo: () => void = () => undefined;
  #told: () => void = () => undefined;

  listen({ onRenewed, onEnded, held }: TabEvents): void {
    this.#channel.onmessage = ({ data }: MessageEvent<News>) => {
      if (data.kind === "ended") return onEnded(data.key, data.notice);
      if (data.kind === "renewed") {
        onRenewed(data.held);
        return this.#told();
      }
      const mine = held();
      if (mine?.key === data.key) this.renewed(mine);
    };
  }

  hold(key: string | null): void {
    this.#letGo();
    if (key === null) return;
    const held = new Promise<void>((resolve) => {
      this.#letGo = resolve;
    });
    // Held until the tab goes; others count those who hold it.
    void this.#locks?.request(tabLock(key), { mode: "shared" }, () => held);
  }

  async alone<T>(key: string, action: () => Promise<T>): Promise<T> {
    if (!this.#locks) return action();
    return this.#locks.request(renewalLock(key), action) as Promise<T>;
  }

  async gather(key: string): Promise<void> {
    let others = await this.#others(key);
    if (others === 0) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, TELL_WITHIN_MS);
      this.#told = () => {
        if (--others <= 0) resolve();
      };
      this.#send({ kind: "asked", key });
    });
  }

  renewed(held: Held): void {
    this.#send({ kind: "renewed", held });
  }

  ended(key: string, notice: string | null): void {
    this.#send({ kind: "ended", key, notice });
  }

  /** How many other tabs hold the session; one more than can be known where there are no locks. */
  async #others(key: string): Promise<number> {
    if (!this.#locks) return 1;
    const { held = [] } = await this.#locks.query();
    return held.filter(({ name }) => name === tabLock(key)).length - 1;
  }

  #send(news: News): void {
    this.#channel.postMessage(news);
  }
}
