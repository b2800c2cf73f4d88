import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageItem, Page } from "../src/api/types.ts";
import { caughtUp, MAX_KEPT, merged } from "../src/classroom/chat-log.ts";
import { Chat } from "../src/classroom/chat.ts";
import { ConnectionLost } from "../src/lib/errors.ts";
import { partsOf } from "../src/lib/links.ts";
import type { ChatMessage } from "../src/signalling/messages.ts";

const PER_PAGE = 50;

const said = (number: number, participantId = "ana"): ChatMessage => ({
  id: `m${number}`,
  participantId,
  fullName: "Ana",
  text: `word ${number}`,
  sentAt: 1_000_000 + number,
});

const ids = (log: readonly ChatMessage[]) => log.map(({ id }) => id);

/** A server that holds so many messages, and a chat of somebody who is not their writer. */
function chatting(stored: number, request: () => Promise<never> = async () => ({}) as never) {
  const server = { stored };
  const loadPage = async (page: number): Promise<Page<MessageItem>> => {
    const newestFirst = Array.from({ length: server.stored }, (_, index) => said(server.stored - 1 - index));
    const items = newestFirst.slice((page - 1) * PER_PAGE, page * PER_PAGE).map(({ id, participantId, fullName, text, sentAt }) => {
      return { id, participant_id: participantId, user_id: null, full_name: fullName, text, sent_at: new Date(sentAt).toISOString() };
    });
    return { items, total: server.stored, page, per_page: PER_PAGE };
  };
  const chat = new Chat({ request, loadPage, isOwn: ({ participantId }) => participantId === "me" });
  return { chat, server };
}

test("the history comes page by page, each message once and in order, whatever is said meanwhile", async () => {
  const { chat, server } = chatting(120);
  await chat.catchUp();
  assert.equal(chat.state.value.log.length, 50);
  assert.equal(chat.state.value.hasOlder, true);
  for (let number = 120; number < 123; number++) chat.received(said(number));
  server.stored = 123;
  await chat.loadOlder();
  await chat.loadOlder();
  assert.deepEqual(ids(chat.state.value.log), Array.from({ length: 123 }, (_, index) => `m${index}`));
  assert.equal(chat.state.value.hasOlder, false);
});

test("a gap that is longer than a page leaves no hole", async () => {
  const { chat, server } = chatting(60);
  await chat.catchUp();
  server.stored = 200;
  await chat.catchUp();
  assert.deepEqual(ids(chat.state.value.log), Array.from({ length: 50 }, (_, index) => `m${150 + index}`));
  assert.equal(chat.state.value.hasOlder, true);
});

test("what others write while nobody looks is unread, each once; one's own is not", () => {
  const { chat } = chatting(0);
  chat.received(said(1, "me"));
  chat.received(said(2));
  chat.received(said(2));
  chat.received(said(3));
  assert.deepEqual([chat.state.value.unread, chat.state.value.firstNewId], [2, "m2"]);
  chat.look(true);
  chat.received(said(4));
  assert.deepEqual([chat.state.value.unread, chat.state.value.firstNewId], [0, "m2"]);
  chat.look(false);
  assert.equal(chat.state.value.firstNewId, null);
});

test("a long class does not fill the memory, and what was let go can be fetched again", () => {
  const { chat } = chatting(0);
  for (let number = 0; number < MAX_KEPT + 5; number++) chat.received(said(number));
  assert.equal(chat.state.value.log.length, MAX_KEPT);
  assert.equal(chat.state.value.log[0]?.id, "m5");
  assert.equal(chat.state.value.hasOlder, true);
});

test("a message that could not be sent is the writer's to keep", async () => {
  const { chat } = chatting(0, () => Promise.reject(new ConnectionLost()));
  await assert.rejects(chat.send("hello"), ConnectionLost);
});

test("logs are merged by time, and dropped when they do not join", () => {
  assert.deepEqual(ids(merged([said(3), said(1)], [said(2), said(3)])), ["m1", "m2", "m3"]);
  assert.deepEqual(ids(caughtUp([said(1)], [said(5)], false)), ["m5"]);
  assert.deepEqual(ids(caughtUp([said(1)], [said(5)], true)), ["m1", "m5"]);
});

test("web addresses become links, and nothing else does", () => {
  const text =
    "See https://a.example/x?y=1&z=(2), or 'http://b.example/it's'. javascript:alert(1) <img src=x>";
  const parts = partsOf(text);
  assert.equal(parts.map((part) => part.text).join(""), text);
  assert.deepEqual(parts.flatMap(({ href }) => href ?? []), ["https://a.example/x?y=1&z=(2)", "http://b.example/it's"]);
  assert.deepEqual(partsOf("data:text/html,hi mailto:a@b.example http:// www.c.example").filter(({ href }) => href), []);
});
