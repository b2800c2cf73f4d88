/** Fitting tiles into the stage. */

export interface Box {
  readonly width: number;
  readonly height: number;
}

/** Smallest tile on which a face and a name can be told; with more tiles than fit the stage scrolls instead. */
const MIN_TILE_WIDTH = 150;
const ASPECT = 16 / 9;

/** Columns and tile width (CSS pixels) that show `count` tiles of 16:9 as large as the stage allows. */
export function fitTiles(stage: Box, count: number, gap: number): { readonly columns: number; readonly tileWidth: number } {
  let best = { columns: 1, tileWidth: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const byWidth = (stage.width - gap * (columns - 1)) / columns;
    const byHeight = ((stage.height - gap * (rows - 1)) / rows) * ASPECT;
    const tileWidth = Math.floor(Math.min(byWidth, byHeight));
    if (tileWidth > best.tileWidth) best = { columns, tileWidth };
  }
  return best.tileWidth >= MIN_TILE_WIDTH ? best : scrolling(stage, gap);
}

function scrolling({ width }: Box, gap: number): { columns: number; tileWidth: number } {
  const columns = Math.max(1, Math.floor((width + gap) / (MIN_TILE_WIDTH + gap)));
  return { columns, tileWidth: Math.floor((width - gap * (columns - 1)) / columns) };
}
