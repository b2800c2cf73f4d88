import assert from "node:assert/strict";
import { test } from "node:test";
import { encodingsFor, layerFor, pictureOf, USUAL_PICTURE } from "../src/media/simulcast.ts";

const heights = (camera: { width: number; height: number }) =>
  encodingsFor(camera).map(({ scaleResolutionDownBy = 1 }) => camera.height / scaleResolutionDownBy);

test("a camera is sent in three sizes, the smallest first", () => {
  assert.deepEqual(heights({ width: 1280, height: 720 }), [180, 360, 720]);
  assert.ok(encodingsFor(USUAL_PICTURE).every(({ scalabilityMode }) => scalabilityMode === "L1T3"));
});

test("no size is tiny, and a small camera is sent in one", () => {
  assert.deepEqual(heights({ width: 640, height: 480 }), [240, 480]);
  assert.deepEqual(heights({ width: 640, height: 360 }), [180, 360]);
  assert.deepEqual(heights({ width: 320, height: 240 }), [240]);
  assert.deepEqual(heights({ width: 160, height: 90 }), [90]);
  assert.deepEqual(heights({ width: 720, height: 1280 }), [320, 640, 1280]);
  assert.deepEqual(Object.keys(encodingsFor({ width: 160, height: 90 })[0] ?? {}), ["maxBitrate"]);
});

test("all sizes together fit through a classroom's uplink, each with enough for its pixels", () => {
  const rates = encodingsFor(USUAL_PICTURE).map(({ maxBitrate = 0 }) => maxBitrate);
  assert.deepEqual(rates, [150_000, 424_264, 1_200_000]);
  const fullHd = encodingsFor({ width: 1920, height: 1080 }).map(({ maxBitrate = 0 }) => maxBitrate);
  assert.ok(Math.max(...fullHd) <= 1_200_000);
});

test("a tile gets the lowest size that looks sharp in it", () => {
  const layer = (width: number) => layerFor({ width, height: (width * 9) / 16 }, USUAL_PICTURE, 3);
  assert.deepEqual([150, 320, 420, 640, 840, 900, 1280, 4000].map(layer), [0, 0, 0, 1, 1, 2, 2, 2]);
  assert.equal(layerFor({ width: 4000, height: 3000 }, USUAL_PICTURE, 1), 0);
});

test("a picture that fills another shape is measured by its larger side", () => {
  assert.equal(layerFor({ width: 200, height: 700 }, USUAL_PICTURE, 3), 2);
  assert.equal(layerFor({ width: 300, height: 160 }, { width: 720, height: 1280 }, 3), 1);
});

test("nonsense about a picture's size is not believed", () => {
  assert.deepEqual(pictureOf({ width: 640, height: 480, source: "camera" }), { width: 640, height: 480 });
  for (const nonsense of [undefined, null, 7, {}, { width: 0, height: 480 }, { width: "640", height: 480 }, { width: 1e9, height: 1 }, { width: Number.NaN, height: 1 }]) {
    assert.deepEqual(pictureOf(nonsense), USUAL_PICTURE);
  }
});
