import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf } from "../src/media/devices.ts";
import { initialsOf, shadeOf } from "../src/ui/initials.ts";
import { fitTiles } from "../src/ui/stage/layout.ts";
import { NO_FILTER, queryOf } from "../src/ui/admin/audit-filter.ts";
import type { Room } from "../src/api/types.ts";
import { changeOf, newIn } from "../src/ui/classes/rules.ts";
import { qrPath } from "../src/ui/account/qr-path.ts";
import { hashOf, routeOf } from "../src/ui/router.ts";

const GAP = 12;

test("tiles never overflow the stage while they are large enough to be seen", () => {
  for (const stage of [{ width: 1280, height: 640 }, { width: 375, height: 560 }, { width: 900, height: 1400 }]) {
    for (let count = 1; count <= 6; count++) {
      const { columns, tileWidth } = fitTiles(stage, count, GAP);
      const rows = Math.ceil(count / columns);
      assert.ok(columns * tileWidth + (columns - 1) * GAP <= stage.width, `${count} tiles are too wide`);
      assert.ok((rows * tileWidth * 9) / 16 + (rows - 1) * GAP <= stage.height, `${count} tiles are too high`);
    }
  }
});

test("one tile fills the stage, and two lie as the stage does", () => {
  assert.deepEqual(fitTiles({ width: 1600, height: 900 }, 1, GAP), { columns: 1, tileWidth: 1600 });
  assert.equal(fitTiles({ width: 1400, height: 500 }, 2, GAP).columns, 2);
  assert.equal(fitTiles({ width: 375, height: 600 }, 2, GAP).columns, 1);
});

test("a crowd scrolls at the smallest size that can be seen", () => {
  const { columns, tileWidth } = fitTiles({ width: 375, height: 500 }, 300, GAP);
  assert.equal(columns, 2);
  assert.ok(tileWidth >= 150);
  assert.ok(fitTiles({ width: 0, height: 0 }, 3, GAP).columns >= 1);
});

test("initials come from the first and the last word", () => {
  assert.equal(initialsOf("Ana María de la Cruz"), "AC");
  assert.equal(initialsOf("  plato "), "P");
  assert.equal(initialsOf("👩‍🏫"), "👩");
  assert.equal(initialsOf(" "), "?");
});

test("a person keeps their shade", () => {
  assert.equal(shadeOf("u-1", 6), shadeOf("u-1", 6));
  const shades = new Set(Array.from({ length: 60 }, (_, index) => shadeOf(`user-${index}`, 6)));
  assert.equal(shades.size, 6);
});

test("a route survives the address and anything else is the list", () => {
  const routes = [
    { name: "class", roomId: "9b2e~1.a_b-C", invitation: null },
    { name: "class", roomId: "physics", invitation: "aB3_-~." },
    { name: "account" },
    { name: "users" },
    { name: "audit" },
    { name: "classes" },
  ] as const;
  for (const route of routes) assert.deepEqual(routeOf(hashOf(route)), route);
  const others = ["", "#/", "#/class/", "#/class/a/b", "#/class/<script>", `#/class/${"x".repeat(129)}`, "#/class/a?invitation=<b>"];
  for (const hash of others) assert.deepEqual(routeOf(hash), { name: "classes" });
});

test("a form of rules says all of them, and of the password only what was asked for", () => {
  const values = { name: " Physics ", max_participants: "30", password: "", waiting_room: "on" };
  assert.deepEqual(changeOf(values), {
    name: "Physics",
    max_participants: 30,
    is_locked: false,
    students_may_publish: false,
    waiting_room: true,
    invitation_required: false,
    one_seat_per_user: false,
  });
  assert.equal(changeOf({ ...values, password: "chalk" }).password, "chalk");
  assert.equal(changeOf({ ...values, no_password: "on" }).password, "");
  const room = { ...changeOf(values), id: "physics", is_locked: true, has_password: true } as Room;
  assert.deepEqual(newIn(changeOf({ ...values, password: "chalk" }), room), { is_locked: false, password: "chalk" });
});

test("days of the audit log are whole days of the reader's", () => {
  const { since, until } = queryOf({ ...NO_FILTER, since: "2030-01-31", until: "2030-01-31" });
  assert.deepEqual([new Date(since ?? "").getDate(), new Date(since ?? "").getHours()], [31, 0]);
  assert.deepEqual([new Date(until ?? "").getDate(), new Date(until ?? "").getHours()], [1, 0]);
});

test("a QR code's squares become one path, neighbours together", () => {
  const rows = ["##.", ".#.", "..#"];
  assert.equal(qrPath(3, (x, y) => rows[y]?.[x] === "#"), "M0 0h2v1h-2zM1 1h1v1h-1zM2 2h1v1h-1z");
});

test("the browser's failures are told apart", () => {
  const named = (name: string) => Object.assign(new Error(name), { name });
  assert.equal(problemOf(named("NotAllowedError")), "refused");
  assert.equal(problemOf(named("NotReadableError")), "busy");
  assert.equal(problemOf(named("NotFoundError")), "missing");
  assert.equal(problemOf({}), "missing");
});
