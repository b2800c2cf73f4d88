import { useEffect, useReducer } from "preact/hooks";
import type { Store } from "./store.ts";

/** Read a store in a component and draw it anew whenever the store changes. */
export function useStore<T extends object>(store: Store<T>): T {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    redraw(undefined);
    return store.subscribe(() => redraw(undefined));
  }, [store]);
  return store.value;
}
