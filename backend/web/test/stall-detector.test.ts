import assert from "node:assert/strict";
import { test } from "node:test";
import { LOOK_EVERY_MS, type Mark, StallDetector } from "../src/media/stall-detector.ts";

/** Streams, all but `voice` pictures, that are looked at all the time; those that are `moving` have news at every look. */
class Watch {
  readonly #detector = new StallDetector();
  readonly #marks = new Map<string, Mark>();
  nowMs = 0;

  constructor(...ids: string[]) {
    for (const id of ids) this.add(id);
  }

  add(id: string): void {
    this.#mark(id, undefined);
  }

  remove(id: string): void {
    this.#marks.delete(id);
  }

  /** Returns how long after the beginning each stall was told of. */
  pass(ms: number, moving: string[] = [], lookEveryMs = LOOK_EVERY_MS): number[] {
    const began = this.nowMs;
    const told: number[] = [];
    while (this.nowMs < began + ms) {
      this.nowMs += lookEveryMs;
      for (const id of moving) this.#mark(id, this.nowMs);
      if (this.#detector.after(this.nowMs, new Map(this.#marks))) told.push(this.nowMs - began);
    }
    return told;
  }

  #mark(id: string, at: number | undefined): void {
    this.#marks.set(id, { kind: id === "voice" ? "audio" : "video", at });
  }
}

test("a stall of all that was steady is told of soon, and once", () => {
  const watch = new Watch("voice", "picture");
  assert.deepEqual(watch.pass(2000, ["voice", "picture"]), []);
  assert.deepEqual(watch.pass(60_000), [250]);
});

test("a voice alone is given the time to rest", () => {
  const watch = new Watch("voice");
  assert.deepEqual(watch.pass(2000, ["voice"]), []);
  for (let packet = 0; packet < 9; packet++) {
    assert.deepEqual(watch.pass(400), []);
    assert.deepEqual(watch.pass(LOOK_EVERY_MS, ["voice"]), []);
  }
  assert.deepEqual(watch.pass(2000, ["voice"]), []);
  assert.deepEqual(watch.pass(60_000), [600]);
});

test("while anything moves there is no stall", () => {
  const watch = new Watch("voice", "picture");
  watch.pass(2000, ["voice", "picture"]);
  assert.deepEqual(watch.pass(60_000, ["picture"]), []);
});

test("what has not come steadily for a second is not missed", () => {
  const young = new Watch("picture");
  young.pass(900, ["picture"]);
  assert.deepEqual(young.pass(60_000), []);
  const slow = new Watch("screen");
  for (let frame = 0; frame < 50; frame++) {
    slow.pass(LOOK_EVERY_MS, ["screen"]);
    assert.deepEqual(slow.pass(200), []);
  }
  assert.deepEqual(slow.pass(60_000), []);
  assert.deepEqual(new Watch("never begun").pass(60_000), []);
});

test("a short gap is none", () => {
  const watch = new Watch("picture");
  for (let gap = 0; gap < 9; gap++) {
    assert.deepEqual(watch.pass(1500, ["picture"]), []);
    assert.deepEqual(watch.pass(200), []);
  }
});

test("a slow picture alone is not missed when the voice beside it has been turned off", () => {
  const watch = new Watch("voice", "screen");
  watch.pass(2000, ["voice"]);
  watch.pass(100);
  watch.remove("voice");
  assert.deepEqual(watch.pass(60_000), []);
});

test("who turns off and on is missed only when steady again", () => {
  const watch = new Watch("picture");
  watch.pass(2000, ["picture"]);
  watch.remove("picture");
  assert.deepEqual(watch.pass(5000), []);
  watch.add("picture");
  assert.deepEqual(watch.pass(5000), []);
  watch.pass(2000, ["picture"]);
  assert.deepEqual(watch.pass(1000), [250]);
});

test("a page that stood still has not seen a stall", () => {
  const watch = new Watch("picture");
  watch.pass(2000, ["picture"]);
  assert.deepEqual(watch.pass(4000, [], 4000), []);
  assert.deepEqual(watch.pass(1000, ["picture"]), []);
});

test("stalls that come again and again are told of more and more seldom, those after a calm time at once", () => {
  const watch = new Watch("picture");
  const told: number[] = [];
  for (let stall = 0; stall < 40; stall++) {
    watch.pass(2000, ["picture"]);
    const began = watch.nowMs;
    told.push(...watch.pass(1000).map((ms) => began + ms));
  }
  const pauses = told.slice(1).map((ms, index) => ms - (told[index] ?? 0));
  assert.deepEqual(pauses, [6000, 15_000, 60_000]);
  watch.pass(200_000, ["picture"]);
  assert.deepEqual(watch.pass(1000), [250]);
  watch.pass(5000, ["picture"]);
  assert.deepEqual(watch.pass(1000), [250]);
});

test("a stall that goes on when telling is allowed again is told of then", () => {
  const watch = new Watch("picture");
  watch.pass(2000, ["picture"]);
  watch.pass(250);
  watch.pass(2000, ["picture"]);
  assert.deepEqual(watch.pass(60_000), [3000]);
});
