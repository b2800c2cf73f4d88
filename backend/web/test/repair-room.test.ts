import assert from "node:assert/strict";
import { test } from "node:test";
import { RepairRoom } from "../src/media/repair-room.ts";

/** A second of a picture of 100 packets each; what is given comes on top of the second before. */
class Seconds {
  readonly room = new RepairRoom();
  #looked = { atMs: 0, packets: 0, asked: 0, freezes: 0 };

  pass(asked = 0, freezes = 0): number {
    const { atMs, packets, asked: askedBefore, freezes: freezesBefore } = this.#looked;
    this.#looked = {
      atMs: atMs + 1000,
      packets: packets + 100,
      asked: askedBefore + asked,
      freezes: freezesBefore + freezes,
    };
    return this.room.after(this.#looked);
  }
}

test("nothing is held back while nothing is lost, even when the picture freezes", () => {
  const seconds = new Seconds();
  assert.deepEqual([seconds.pass(), seconds.pass(), seconds.pass(0, 1)], [0, 0, 0]);
});

test("what was lost before the first look is not held against the present", () => {
  const seconds = new Seconds();
  assert.equal(seconds.pass(50, 5), 0);
  assert.equal(seconds.pass(), 0);
});

test("losses make room for a repair, freezes for more, up to a limit", () => {
  const seconds = new Seconds();
  seconds.pass();
  assert.equal(seconds.pass(10), 250);
  assert.equal(seconds.pass(10), 250);
  assert.equal(seconds.pass(10, 1), 375);
  for (let freeze = 0; freeze < 9; freeze++) seconds.pass(10, 1);
  assert.equal(seconds.pass(10, 1), 625);
});

test("the room goes step by step once nothing has been lost for long", () => {
  const seconds = new Seconds();
  seconds.pass();
  seconds.pass(10);
  const calm = Array.from({ length: 40 }, () => seconds.pass());
  assert.deepEqual([calm[18], calm[19], calm[38], calm[39]], [250, 125, 125, 0]);
});

test("a stream that begins anew is not taken for trouble", () => {
  const room = new RepairRoom();
  room.after({ atMs: 0, packets: 1000, asked: 100, freezes: 1 });
  assert.equal(room.after({ atMs: 1000, packets: 10, asked: 0, freezes: 0 }), 0);
});
