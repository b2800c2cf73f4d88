import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import type { DeviceState } from "../src/media/local-media.ts";
import { Publisher } from "../src/media/publisher.ts";
import { settle } from "./asked.ts";
import { FakeDevice } from "./fake-device.ts";

const OFF: DeviceState = { on: false, busy: false, track: null, problem: null };

function camera(width: number, height: number, readyState: MediaStreamTrackState = "live") {
  const track = { readyState, getSettings: () => ({ width, height }) } as unknown as MediaStreamTrack;
  return { microphone: OFF, camera: { ...OFF, on: true, track } };
}

function publishing(device: FakeDevice, wanted = camera(1280, 720), onSilenced: (id: string) => void = () => undefined) {
  const context = device.context(async () => ({ transportId: "t" }) as never);
  return new Publisher(context, wanted, { onState: () => undefined, onRefused: () => undefined, onSilenced });
}

const sizes = (device: FakeDevice) => device.produced.map(({ encodings }) => encodings?.length);

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

test("a camera is sent in several sizes, and says how large the largest is", async () => {
  const device = new FakeDevice();
  publishing(device);
  await settle();
  assert.deepEqual(sizes(device), [3]);
  assert.deepEqual(device.produced[0]?.appData, { source: "camera", width: 1280, height: 720 });
});

test("a browser that refuses several sizes sends one", async () => {
  const device = new FakeDevice();
  device.refuses = ({ encodings = [] }) => encodings.length > 1;
  const publisher = publishing(device);
  await settle();
  mock.timers.tick(10_000);
  await settle();
  assert.deepEqual(sizes(device), [3, 1]);
  assert.deepEqual(device.produced[1]?.encodings, [{ maxBitrate: 1_200_000 }]);
  publisher.layersWanted("p2", 0);
  await settle();
  assert.deepEqual(device.layersSet, []);
});

test("a camera that was unplugged too early says nothing of what the browser can send", async () => {
  const device = new FakeDevice();
  device.refuses = () => device.produced.length === 1;
  const publisher = publishing(device, camera(1280, 720, "ended"));
  await settle();
  publisher.want(camera(1280, 720));
  mock.timers.tick(10_000);
  await settle();
  assert.deepEqual(sizes(device), [3, 3]);
});

test("what nobody watches is not sent, but the smallest size always is", async () => {
  const device = new FakeDevice();
  const publisher = publishing(device);
  await settle();
  for (const layer of [1, null, 2, 200]) {
    publisher.layersWanted("p1", layer);
    await settle();
  }
  publisher.layersWanted("somebody else's", 0);
  await settle();
  assert.deepEqual(device.layersSet, [1, 0, 2, 2]);
});

test("nothing is left out before the server has told what is watched", async () => {
  const device = new FakeDevice();
  const wanted = camera(1280, 720);
  const publisher = publishing(device, wanted);
  await settle();
  publisher.want(wanted);
  await settle();
  assert.deepEqual(device.layersSet, []);
});

test("who was muted while away stays muted, and a producer that is gone is made anew", async () => {
  const device = new FakeDevice();
  const silenced: string[] = [];
  const publisher = publishing(device, camera(1280, 720), (id) => silenced.push(id));
  await settle();
  publisher.resume([{ producerId: "p1", kind: "video", paused: false }]);
  assert.deepEqual(silenced, []);
  publisher.resume([{ producerId: "p1", kind: "video", paused: true }]);
  assert.deepEqual(silenced, ["p1"]);
  publisher.resume([]);
  await settle();
  assert.equal(device.produced.length, 2);
});
