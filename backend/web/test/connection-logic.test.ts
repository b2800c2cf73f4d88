import assert from "node:assert/strict";
import { test } from "node:test";
import { statusOf } from "../src/classroom/status.ts";
import { backoffMs } from "../src/lib/backoff.ts";

test("waiting doubles, keeps below its limit and differs from page to page", () => {
  const longest = [0, 1, 2, 3, 40].map((attempt) => backoffMs(attempt, () => 1));
  assert.deepEqual(longest, [400, 800, 1600, 3000, 3000]);
  assert.deepEqual([0, 1, 2, 3, 40].map((attempt) => backoffMs(attempt, () => 0)), longest.map((value) => value / 2));
});

const fine = {
  phase: { name: "joined" },
  participantId: "me",
  mediaServer: "up",
  serverRestarting: false,
  sending: "connected",
  receiving: "connected",
  mayPublish: true,
  mutedByTeacher: false,
} as const;

test("nothing is said while all is well", () => {
  assert.equal(statusOf(fine), null);
});

test("the worst trouble is what is told", () => {
  const shaky = { ...fine, receiving: "disconnected", mayPublish: false } as const;
  assert.match(statusOf(shaky)?.text ?? "", /network is unstable/);
  const noMedia = { ...shaky, mediaServer: "down" } as const;
  assert.match(statusOf(noMedia)?.text ?? "", /media server/);
  const lost = { ...shaky, phase: { name: "reconnecting" } } as const;
  assert.match(statusOf(lost)?.text ?? "", /Reconnecting/);
  assert.match(statusOf({ ...lost, serverRestarting: true })?.text ?? "", /server is restarting/);
  assert.match(statusOf({ ...lost, participantId: null })?.text ?? "", /cannot be reached/);
});

test("a listener is told so, quietly", () => {
  assert.deepEqual(statusOf({ ...fine, mayPublish: false })?.tone, "info");
});
