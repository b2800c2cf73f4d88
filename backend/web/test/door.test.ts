import assert from "node:assert/strict";
import { test } from "node:test";
import { Door } from "../src/classroom/door.ts";
import type { AtTheDoor } from "../src/classroom/state.ts";
import { ConnectionLost, RequestError } from "../src/lib/errors.ts";
import type { Connection } from "../src/signalling/connection.ts";
import { settle } from "./asked.ts";

type Wish = Readonly<Record<string, string>>;

/** A server that answers a join by what it is asked with. */
function atTheDoor(answer: (wish: Wish) => string, invitation: string | null = null) {
  const asked: Wish[] = [];
  const phases: AtTheDoor[] = [];
  let lose: () => void = () => undefined;
  const ended = new Promise<"lost">((resolve) => {
    lose = () => resolve("lost");
  });
  const request = async (_method: string, wish: Wish) => {
    asked.push(wish);
    const code = answer(wish);
    if (code === "in") return { participantId: "me" };
    throw new RequestError(code === "TOO_MANY_ATTEMPTS" ? 429 : 403, `said ${code}`, code);
  };
  const connection = { request, ended } as unknown as Connection;
  const door = new Door({ roomId: "physics", invitation, onWait: (phase) => phases.push(phase) });
  return { door, asked, phases, lose, enter: (token?: string) => door.enter(connection, token) };
}

test("a password is asked for until it is right, and given again on the way back", async () => {
  const { door, asked, phases, enter } = atTheDoor(({ password }) => {
    if (!password) return "ROOM_PASSWORD_REQUIRED";
    return password === "chalk" ? "in" : "WRONG_ROOM_PASSWORD";
  });
  const entered = enter();
  await settle();
  door.givePassword("cheese");
  await settle();
  assert.deepEqual(phases.slice(0, 2), [
    { name: "password", problem: null, checking: false },
    { name: "password", problem: null, checking: true },
  ]);
  assert.match(JSON.stringify(phases[2]), /not the password.*"checking":false/);
  door.givePassword("chalk");
  await entered;
  await enter("token");
  assert.deepEqual(asked.at(-1), { roomId: "physics", resumeToken: "token", password: "chalk" });
});

test("too many guesses are told, and one may try again", async () => {
  const { door, phases, enter } = atTheDoor(({ password }) => (password === "chalk" ? "in" : "TOO_MANY_ATTEMPTS"));
  const entered = enter();
  await settle();
  assert.deepEqual(phases, [{ name: "password", problem: "said TOO_MANY_ATTEMPTS", checking: false }]);
  door.givePassword("chalk");
  await entered;
});

test("one waits until one is let in, and then joins", async () => {
  let open = false;
  const { door, asked, phases, enter } = atTheDoor(() => (open ? "in" : "WAITING_FOR_ADMISSION"));
  const entered = enter();
  await settle();
  assert.deepEqual(phases, [{ name: "waiting" }]);
  open = true;
  door.admitted();
  await entered;
  assert.equal(asked.length, 2);
});

test("a connection that is lost at the door is told, so that one comes again", async () => {
  const { lose, enter } = atTheDoor(() => "WAITING_FOR_ADMISSION");
  const entered = enter();
  await settle();
  lose();
  await assert.rejects(entered, ConnectionLost);
});

test("an invitation goes along; one that was withdrawn is tried without", async () => {
  const { asked, enter } = atTheDoor(({ invitation }) => (invitation ? "INVALID_INVITATION" : "in"), "token");
  await enter();
  assert.deepEqual(asked, [{ roomId: "physics", invitation: "token" }, { roomId: "physics" }]);
});

test("other refusals are not the door's to mend", async () => {
  const { enter } = atTheDoor(() => "ROOM_LOCKED");
  await assert.rejects(enter(), { code: "ROOM_LOCKED" });
});
