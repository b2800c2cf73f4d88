import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { fitTiles } from "./layout.ts";

/** Space between tiles in CSS pixels; the style sheet has the same. */
const GAP = 12;

/** Lays tiles out as large as the room on screen allows, and again whenever that or their number changes. */
export function StageGrid({ count, children }: { readonly count: number; readonly children: ComponentChildren }) {
  const element = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    const grid = element.current;
    if (!grid) return undefined;
    const fit = () => {
      const { tileWidth } = fitTiles({ width: grid.clientWidth, height: grid.clientHeight }, count, GAP);
      grid.style.setProperty("--tile-width", `${tileWidth}px`);
    };
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(grid);
    return () => observer.disconnect();
  }, [count]);
  return (
    <ul class="grid" ref={element} aria-label="Participants">
      {children}
    </ul>
  );
}
