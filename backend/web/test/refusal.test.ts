import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalOf, withCodeInReason } from "../src/signalling/refusal.ts";

test("a refusal keeps its code and details on the way through protoo-client", () => {
  const refused = { response: true, id: 7, ok: false, errorCode: 403, errorReason: "No.", code: "ROOM_LOCKED", details: { a: ["b"] } };
  const message = JSON.parse(String(withCodeInReason(JSON.stringify(refused)))) as { errorReason: string; id: number };
  assert.equal(message.id, 7);
  const error = refusalOf(403, message.errorReason);
  assert.deepEqual([error.status, error.code, error.message, error.details], [403, "ROOM_LOCKED", "No.", { a: ["b"] }]);
});

test("everything else comes as it is", () => {
  const chat = JSON.stringify({ notification: true, method: "chat-message", data: { text: '"ok": false' } });
  const looksAlike = '{"notification":true,"method":"x","data":{"ok":false}}';
  for (const text of [chat, looksAlike, '{"response":true,"id":1,"ok":true,"data":{}}']) assert.equal(withCodeInReason(text), text);
  const binary = new ArrayBuffer(2);
  assert.equal(withCodeInReason(binary), binary);
});

test("a sentence that came another way is the sentence", () => {
  assert.equal(refusalOf(500, "Something went wrong.").message, "Something went wrong.");
});
