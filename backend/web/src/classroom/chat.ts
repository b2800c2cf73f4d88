import { MESSAGES_PER_PAGE } from "../api/rooms.ts";
import type { MessageItem, Page } from "../api/types.ts";
import { sentenceOf } from "../lib/errors.ts";
import { Store } from "../lib/store.ts";
import type { ChatMessage, Request } from "../signalling/messages.ts";
import { caughtUp, type ChatLog, merged, messageOf, shortened } from "./chat-log.ts";

export interface ChatState {
  /** The oldest first. */
  readonly log: ChatLog;
  /** There are older ones than these. */
  readonly hasOlder: boolean;
  readonly loading: boolean;
  /** Why the history is not there. */
  readonly problem: string | null;
  /** Messages of others that came while the chat was not looked at. */
  readonly unread: number;
  /** The first of them, for as long as they are being looked at. */
  readonly firstNewId: string | null;
}

export interface ChatOptions {
  readonly request: Request;
  /** A page of the history, the newest messages on the first. */
  readonly loadPage: (page: number) => Promise<Page<MessageItem>>;
  readonly isOwn: (message: ChatMessage) => boolean;
}

/** What is written in a class. */
export class Chat {
  readonly state = new Store<ChatState>({
    log: [],
    hasOlder: false,
    loading: false,
    problem: null,
    unread: 0,
    firstNewId: null,
  });
  readonly #options: ChatOptions;
  #open = false;

  constructor(options: ChatOptions) {
    this.#options = options;
  }

  /** A message came. */
  received(message: ChatMessage): void {
    const { log, unread, firstNewId } = this.state.value;
    const next = shortened(merged(log, [message]));
    const isNews = !this.#open && !log.some(({ id }) => id === message.id) && !this.#options.isOwn(message);
    this.state.patch({
      log: next,
      hasOlder: this.state.value.hasOlder || next[0] !== merged(log, [message])[0],
      ...(isNews && { unread: unread + 1, firstNewId: firstNewId ?? message.id }),
    });
  }

  /** Fetch what was written while we were not there. */
  async catchUp(): Promise<void> {
    await this.#load(async () => {
      const { items, total } = await this.#options.loadPage(1);
      const complete = items.length >= total;
      const before = this.state.value;
      const log = caughtUp(before.log, items.map(messageOf), complete);
      this.state.patch({ log, hasOlder: log.length < total });
    });
  }

  /** Fetch the page before what there is. */
  async loadOlder(): Promise<void> {
    await this.#load(async () => {
      const page = Math.floor(this.state.value.log.length / MESSAGES_PER_PAGE) + 1;
      const { items, total } = await this.#options.loadPage(page);
      const log = merged(this.state.value.log, items.map(messageOf));
      this.state.patch({ log, hasOlder: items.length > 0 && log.length < total });
    });
  }

  /** Throws what `Request` does; the text is the caller's to keep then. */
  async send(text: string): Promise<void> {
    await this.#options.request("chat-message", { text });
  }

  /** The chat is looked at from now on, or no longer. */
  look(open: boolean): void {
    this.#open = open;
    this.state.patch(open ? { unread: 0 } : { firstNewId: null });
  }

  async #load(action: () => Promise<void>): Promise<void> {
    if (this.state.value.loading) return;
    this.state.patch({ loading: true, problem: null });
    try {
      await action();
    } catch (error) {
      this.state.patch({ problem: sentenceOf(error) });
    } finally {
      this.state.patch({ loading: false });
    }
  }
}
