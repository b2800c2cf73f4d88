import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionLost, RequestError } from "../src/lib/errors.ts";
import { Reception } from "../src/media/reception.ts";
import { Asked, settle } from "./asked.ts";

const picture = { width: 1280, height: 720 };
const LARGE = picture;
const MIDDLE = { width: 640, height: 360 };
const SMALL = { width: 160, height: 90 };

function received(server: Asked, layers = 3) {
  const failures: unknown[] = [];
  const reception = new Reception({ consumerId: "c", layers, picture }, server.request, (error) => failures.push(error));
  return { reception, failures };
}

test("the size is asked for before the picture begins, and only where there are several", async () => {
  const server = new Asked();
  received(server).reception.show(LARGE);
  await settle();
  assert.deepEqual(server.take(), ["set-preferred-layers 2", "resume-consumer"]);
  received(server, 1).reception.show(LARGE);
  await settle();
  assert.deepEqual(server.take(), ["resume-consumer"]);
});

test("what has no place yet begins in the smallest size", async () => {
  const server = new Asked();
  const { reception } = received(server);
  reception.show(undefined);
  await settle();
  reception.show(SMALL);
  await settle();
  assert.deepEqual(server.take(), ["resume-consumer"]);
});

test("what nobody sees is paused, and goes on in the size it is seen in", async () => {
  const server = new Asked();
  const { reception } = received(server);
  reception.show(LARGE);
  await settle();
  server.take();
  reception.show(null);
  await settle();
  assert.equal(reception.wanted, false);
  assert.deepEqual(server.take(), ["pause-consumer"]);
  reception.show(MIDDLE);
  await settle();
  assert.deepEqual(server.take(), ["set-preferred-layers 1", "resume-consumer"]);
});

test("what is out of sight from the beginning is never begun", async () => {
  const server = new Asked();
  received(server).reception.show(null);
  await settle();
  assert.deepEqual(server.take(), []);
});

test("of what changes while the server is asked only the latest counts", async () => {
  const server = new Asked();
  const { reception } = received(server);
  let open = () => undefined as void;
  server.gate = new Promise((resolve) => {
    open = resolve;
  });
  for (const view of [LARGE, MIDDLE, null, SMALL, MIDDLE]) reception.show(view);
  await settle();
  open();
  await settle();
  assert.deepEqual(server.take(), ["set-preferred-layers 2", "set-preferred-layers 1", "resume-consumer"]);
});

test("after a lost connection everything uncertain is asked for again", async () => {
  const server = new Asked();
  const { reception, failures } = received(server);
  server.failure = new ConnectionLost();
  reception.show(MIDDLE);
  await settle();
  assert.equal(failures.length, 1);
  server.failure = null;
  server.take();
  reception.settle();
  await settle();
  assert.deepEqual(server.take(), ["set-preferred-layers 1", "resume-consumer"]);
  reception.settle();
  await settle();
  assert.deepEqual(server.take(), []);
});

test("a server that refuses a size does not cost the picture", async () => {
  const server = new Asked();
  const { request } = server;
  const picky: typeof request = async (method, data) => {
    const answer = await request(method, data);
    if (method === "set-preferred-layers") throw new RequestError(404, "No such method.");
    return answer;
  };
  new Reception({ consumerId: "c", layers: 3, picture }, picky, (error) => assert.fail(String(error))).show(LARGE);
  await settle();
  assert.deepEqual(server.take(), ["set-preferred-layers 2", "resume-consumer"]);
});
