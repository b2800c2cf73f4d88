import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { View } from "../media/reception.ts";

/** A window that is being resized, or people who come one by one, count when it is over. */
const SETTLED_MS = 250;
/** Who looks away for a moment finds the picture still there. */
const AWAY_MS = 2000;

/**
 * Tell where an element is shown, in device pixels, whenever that changes, and anew when `shown` does; null while
 * nobody can see it.
 */
export function useView(ref: RefObject<HTMLElement | null>, onView: (view: View) => void, shown: unknown): void {
  const latest = useRef(onView);
  latest.current = onView;
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    return observe(element, (view) => latest.current(view));
  }, [shown]);
}

function observe(element: HTMLElement, tell: (view: View) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onScreen = true;
  const measure = () => (onScreen && !document.hidden ? sizeOf(element) : null);
  const look = () => {
    clearTimeout(timer);
    timer = setTimeout(() => tell(measure()), measure() ? SETTLED_MS : AWAY_MS);
  };
  const resizes = new ResizeObserver(look);
  const scrolls = new IntersectionObserver((entries) => {
    onScreen = entries.at(-1)?.isIntersecting ?? true;
    look();
  });
  resizes.observe(element);
  scrolls.observe(element);
  document.addEventListener("visibilitychange", look);
  return () => {
    clearTimeout(timer);
    resizes.disconnect();
    scrolls.disconnect();
    document.removeEventListener("visibilitychange", look);
  };
}

function sizeOf({ clientWidth, clientHeight }: HTMLElement): View {
  if (!clientWidth || !clientHeight) return null;
  return { width: clientWidth * devicePixelRatio, height: clientHeight * devicePixelRatio };
}
