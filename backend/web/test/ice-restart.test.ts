import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { ConnectionLost, RequestError } from "../src/lib/errors.ts";
import { IceRestarter, type Restartable } from "../src/media/ice-restart.ts";
import { Asked, settle } from "./asked.ts";

class FakeTransport {
  readonly id = "t";
  connectionState: Restartable["connectionState"] = "connected";
  restarts = 0;

  async restartIce(): Promise<void> {
    this.restarts++;
  }
}

function link() {
  const server = new Asked();
  const transport = new FakeTransport();
  const given = { up: 0 };
  const restarter = new IceRestarter(transport, server.request, () => given.up++);
  const become = (state: Restartable["connectionState"]) => {
    transport.connectionState = state;
    restarter.stateChanged(state);
  };
  return { server, transport, restarter, become, given };
}

async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms);
  await settle();
}

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

test("a short gap heals by itself", async () => {
  const { server, become } = link();
  become("disconnected");
  await pass(1500);
  become("connected");
  await pass(60_000);
  assert.deepEqual(server.calls, []);
});

test("a longer one is mended with the server's new parameters", async () => {
  const { server, transport, become, given } = link();
  become("disconnected");
  await pass(2000);
  assert.deepEqual(server.take(), ["restart-ice"]);
  assert.equal(transport.restarts, 1);
  become("connected");
  await pass(60_000);
  assert.deepEqual(server.take(), []);
  assert.equal(given.up, 0);
});

test("a failed one is mended at once", async () => {
  const { transport, become } = link();
  become("failed");
  await pass(0);
  assert.equal(transport.restarts, 1);
});

test("what three restarts do not mend is given up, once", async () => {
  const { transport, become, given } = link();
  become("disconnected");
  for (let second = 0; second < 60; second++) await pass(1000);
  become("failed");
  await pass(60_000);
  assert.equal(transport.restarts, 3);
  assert.equal(given.up, 1);
});

test("after a success there are as many tries again", async () => {
  const { transport, become, given } = link();
  for (let time = 1; time <= 5; time++) {
    become("failed");
    await pass(0);
    become("connected");
    assert.equal(transport.restarts, time);
  }
  assert.equal(given.up, 0);
});

test("without signalling it waits, and goes on when that is back", async () => {
  const { server, transport, restarter, become, given } = link();
  server.failure = new ConnectionLost();
  become("failed");
  await pass(60_000);
  assert.deepEqual(server.take(), ["restart-ice"]);
  server.failure = null;
  restarter.mend(false);
  await pass(0);
  assert.equal(transport.restarts, 1);
  assert.equal(given.up, 0);
});

test("a connection that stands is left alone, unless the network has changed under it", async () => {
  const { transport, restarter } = link();
  restarter.mend(false);
  await pass(0);
  assert.equal(transport.restarts, 0);
  restarter.mend(true);
  await pass(0);
  assert.equal(transport.restarts, 1);
  await pass(60_000);
  assert.equal(transport.restarts, 1);
});

test("one that never stood is not restarted", async () => {
  const { server, transport, restarter } = link();
  for (const state of ["new", "connecting", "closed"] as const) {
    transport.connectionState = state;
    restarter.mend(true);
    await pass(60_000);
  }
  assert.deepEqual(server.calls, []);
});

test("a server that is busy is asked again, one that has lost the transport is not", async () => {
  const busy = link();
  busy.server.failure = new RequestError(503, "Try again.");
  busy.become("failed");
  await pass(0);
  busy.server.failure = null;
  await pass(60_000);
  assert.equal(busy.transport.restarts, 1);
  const lost = link();
  lost.server.failure = new RequestError(404, "There is no such transport.");
  lost.become("failed");
  await pass(0);
  assert.equal(lost.given.up, 1);
  await pass(60_000);
  assert.deepEqual(lost.server.calls, ["restart-ice"]);
});

test("a closed link does nothing more", async () => {
  const { server, restarter, become, given } = link();
  become("failed");
  restarter.close();
  await pass(60_000);
  become("disconnected");
  restarter.mend(true);
  await pass(60_000);
  assert.deepEqual(server.calls, []);
  assert.equal(given.up, 0);
});
