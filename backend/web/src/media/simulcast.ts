/** In which sizes a camera's picture is sent, and which of them a tile needs. */
import type { types } from "mediasoup-client";

/** A width and a height in pixels, of a picture or of the place where it is shown. */
export interface Picture {
  readonly width: number;
  readonly height: number;
}

/** What a camera is asked for, and taken to send when its sender does not say. */
export const USUAL_PICTURE: Picture = { width: 1280, height: 720 };

const MAX_LAYERS = 3;
/** Shorter side of the smallest picture worth sending by itself: a face in a small tile. */
const MIN_SIDE = 150;
/** Enough for 720p of a talking person, and little enough for a classroom's uplinks. */
const MAX_BITRATE_BPS = 1_200_000;
/** Fewer pixels need more bits each: half the width costs a third, not a quarter. */
const BITRATE_EXPONENT = 0.75;
/** A picture may be this much smaller than its place: a quarter more sharpness would cost three times the bits. */
const SHARP_ENOUGH = 0.75;
/** Larger than any camera's; others tell us their size, and may tell nonsense. */
const MAX_SIDE = 16_384;

/** How a camera's picture is encoded: several sizes at once, the smallest first, or one when it is small itself. */
export function encodingsFor(camera: Picture): types.RtpEncodingParameters[] {
  const count = layerCount(camera);
  return Array.from({ length: count }, (_, layer) => {
    const scale = scaleOf(layer, count);
    const maxBitrate = bitrateOf(camera, scale);
    if (count === 1) return { maxBitrate };
    return { scaleResolutionDownBy: 1 / scale, maxBitrate, scalabilityMode: "L1T3" };
  });
}

/** The lowest of `count` layers of a camera's picture that looks sharp in a place of `shown` device pixels. */
export function layerFor(shown: Picture, camera: Picture, count: number): number {
  const needed = Math.max(shown.width / camera.width, shown.height / camera.height) * SHARP_ENOUGH;
  let layer = 0;
  while (layer < count - 1 && scaleOf(layer, count) < needed) layer++;
  return layer;
}

/** Size of the picture that somebody sends, as its sender told. */
export function pictureOf(appData: unknown): Picture {
  const { width, height } = (appData ?? {}) as Partial<Record<string, unknown>>;
  return isSide(width) && isSide(height) ? { width, height } : USUAL_PICTURE;
}

function layerCount({ width, height }: Picture): number {
  const side = Math.min(width, height);
  let count = 1;
  while (count < MAX_LAYERS && side / 2 ** count >= MIN_SIDE) count++;
  return count;
}

/** Width of a layer as a part of the whole picture's. */
function scaleOf(layer: number, count: number): number {
  return 1 / 2 ** (count - 1 - layer);
}

function bitrateOf(camera: Picture, scale: number): number {
  const pixels = camera.width * camera.height * scale * scale;
  const share = Math.min(1, pixels / (USUAL_PICTURE.width * USUAL_PICTURE.height));
  return Math.round(MAX_BITRATE_BPS * share ** BITRATE_EXPONENT);
}

function isSide(value: unknown): value is number {
  return typeof value === "number" && value >= 1 && value <= MAX_SIDE;
}
