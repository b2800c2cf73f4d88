import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Subscriber } from "../src/media/subscriber.ts";
import type { Request } from "../src/signalling/messages.ts";
import { settle } from "./asked.ts";
import { FakeDevice } from "./fake-device.ts";

const PLAYING = new Map([["p", { paused: false }]]);
const PAUSED = new Map([["p", { paused: true }]]);
const LARGE = { width: 1280, height: 720 };

/** Receives one picture in three sizes; its consumer is `c`. */
async function receiving() {
  const calls: string[] = [];
  let stalled: string[] = [];
  const request: Request = async (method, data) => {
    calls.push(method === "set-preferred-layers" ? `${method} ${(data as { spatialLayer: number }).spatialLayer}` : method);
    const encodings = [{ scalabilityMode: "L3T3" }];
    if (method === "create-transport") return { transportId: "t" } as never;
    return { consumerId: "c", kind: "video", participantId: "x", rtpParameters: { encodings }, appData: LARGE } as never;
  };
  const subscriber = new Subscriber(new FakeDevice().context(request), {
    onTracks: () => undefined,
    onStalled: (producers) => {
      stalled = [...producers];
    },
    onState: () => undefined,
  });
  subscriber.want(PLAYING);
  subscriber.show("p", LARGE);
  await settle();
  return { subscriber, calls, stalled: () => stalled };
}

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

test("a picture is begun in the size of its place", async () => {
  const { calls } = await receiving();
  assert.deepEqual(calls, ["create-transport", "consume", "set-preferred-layers 2", "resume-consumer"]);
});

test("after a resume, what nobody knows of is closed, and what is received goes on", async () => {
  const { subscriber, calls } = await receiving();
  assert.equal(await subscriber.transportId(), "t");
  calls.length = 0;
  await subscriber.resume([
    { consumerId: "c", producerId: "p" },
    { consumerId: "lost", producerId: "p" },
  ]);
  await settle();
  assert.deepEqual(calls, ["close-consumer"]);
});

test("a picture that the server holds back is told of after a while, until it goes on", async () => {
  const { subscriber, stalled } = await receiving();
  subscriber.layersChanged("c", null);
  mock.timers.tick(2900);
  assert.deepEqual(stalled(), []);
  mock.timers.tick(200);
  assert.deepEqual(stalled(), ["p"]);
  subscriber.layersChanged("c", 0);
  assert.deepEqual(stalled(), []);
});

test("a short standstill is not told of", async () => {
  const { subscriber, stalled } = await receiving();
  subscriber.layersChanged("c", null);
  mock.timers.tick(1000);
  subscriber.layersChanged("c", 1);
  mock.timers.tick(60_000);
  assert.deepEqual(stalled(), []);
});

test("a camera that is off is no slow connection, whatever comes first", async () => {
  for (const order of ["paused first", "layers first"]) {
    const { subscriber, stalled } = await receiving();
    if (order === "paused first") subscriber.want(PAUSED);
    subscriber.layersChanged("c", null);
    subscriber.want(PAUSED);
    mock.timers.tick(60_000);
    assert.deepEqual(stalled(), []);
  }
});

test("what nobody sees is no slow connection", async () => {
  const { subscriber, stalled } = await receiving();
  subscriber.layersChanged("c", null);
  subscriber.show("p", null);
  subscriber.layersChanged("c", null);
  mock.timers.tick(60_000);
  assert.deepEqual(stalled(), []);
});

test("who stops sending takes the word about it along", async () => {
  const { subscriber, stalled } = await receiving();
  subscriber.layersChanged("c", null);
  mock.timers.tick(3000);
  subscriber.want(new Map());
  assert.deepEqual(stalled(), []);
  subscriber.layersChanged("c", null);
  mock.timers.tick(60_000);
  assert.deepEqual(stalled(), []);
});
