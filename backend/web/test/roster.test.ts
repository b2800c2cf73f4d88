import assert from "node:assert/strict";
import { test } from "node:test";
import * as roster from "../src/classroom/roster.ts";
import type { ParticipantInfo } from "../src/signalling/messages.ts";

const ana: ParticipantInfo = { participantId: "a", userId: "ua", fullName: "Ana", role: "teacher", joinedAt: 1 };
const ben: ParticipantInfo = { participantId: "b", userId: "ub", fullName: "Ben", role: "student", joinedAt: 2 };
const voice = { producerId: "p1", participantId: "a", kind: "audio", paused: false } as const;
const picture = { producerId: "p2", participantId: "a", kind: "video", paused: true } as const;

test("what somebody sent is kept while the server does not know it", () => {
  const before = roster.withProducer(roster.rosterOf([ana, ben]), voice);
  const after = roster.withProducersOf(roster.rosterOf([ana]), before);
  assert.deepEqual(
    [...after].map(([id, { producers }]) => [id, producers.map(({ producerId }) => producerId)]),
    [["a", [voice.producerId]]],
  );
});

test("a newcomer's producers are known from the join answer or from later notifications", () => {
  const joined = roster.rosterOf([{ ...ana, producers: [voice] }, ben]);
  assert.deepEqual([...roster.producersById(joined).keys()], ["p1"]);
  assert.deepEqual([...roster.producersById(roster.withProducer(joined, picture)).keys()], ["p1", "p2"]);
});

test("the same change twice changes nothing", () => {
  const once = roster.withProducer(roster.rosterOf([ana]), voice);
  assert.deepEqual(roster.withProducer(once, voice), once);
  const gone = roster.withoutProducer(once, voice);
  assert.deepEqual(roster.withoutProducer(gone, voice), gone);
});

test("changes for somebody unknown are ignored", () => {
  const before = roster.rosterOf([ben]);
  assert.equal(roster.withProducer(before, voice), before);
  assert.equal(roster.withProducerPaused(before, voice, true), before);
  assert.deepEqual(roster.withoutParticipant(before, "a"), before);
});

test("pausing concerns one producer only", () => {
  const both = roster.withProducer(roster.withProducer(roster.rosterOf([ana]), voice), picture);
  const muted = roster.withProducerPaused(both, voice, true);
  assert.deepEqual(muted.get("a")?.producers.map(({ producerId, paused }) => [producerId, paused]), [["p1", true], ["p2", true]]);
  const seen = roster.withProducerPaused(both, picture, false);
  assert.deepEqual(seen.get("a")?.producers.map(({ paused }) => paused), [false, false]);
});

test("who leaves takes everything along, and the earlier roster stays as it was", () => {
  const before = roster.withProducer(roster.rosterOf([ana, ben]), voice);
  const after = roster.withoutParticipant(before, "a");
  assert.deepEqual([...after.keys()], ["b"]);
  assert.equal(roster.producersById(after).size, 0);
  assert.equal(before.size, 2);
});

test("of several producers of a kind the newest counts", () => {
  const newer = { ...voice, producerId: "p9" };
  const both = roster.withProducer(roster.withProducer(roster.rosterOf([ana]), voice), newer);
  const participant = both.get("a");
  assert.ok(participant);
  assert.equal(roster.producerOf(participant, "audio")?.producerId, "p9");
  assert.equal(roster.producerOf(participant, "video"), undefined);
});

test("after a restart of the media server the same people send nothing", () => {
  const before = roster.withProducer(roster.rosterOf([ana, ben]), voice);
  const after = roster.withoutProducers(before);
  assert.deepEqual([...after.keys()], ["a", "b"]);
  assert.equal(roster.producersById(after).size, 0);
});

test("hands stand in the order in which they went up, whatever is told twice", () => {
  const once = roster.withHand(roster.withHand(roster.rosterOf([ana, ben]), "b", 10), "a", 20);
  const told = roster.withHand(once, "b", 30);
  assert.deepEqual(roster.handsOf(told).map(({ participantId }) => participantId), ["b", "a"]);
  assert.deepEqual(roster.handsOf(roster.withHand(told, "b", null)).map(({ participantId }) => participantId), ["a"]);
});

test("a resume keeps the order of the hands, and believes the server about which are up", () => {
  const before = roster.withHand(roster.withHand(roster.rosterOf([ana, ben]), "b", 10), "a", 20);
  const after = roster.rosterOf([{ ...ana, handRaised: true }, { ...ben, handRaised: true }], before);
  assert.deepEqual(roster.handsOf(after).map(({ participantId }) => participantId), ["b", "a"]);
  assert.deepEqual(roster.handsOf(roster.rosterOf([ana, ben], before)), []);
});
