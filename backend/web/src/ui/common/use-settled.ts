import { useEffect, useState } from "preact/hooks";

/** Long enough for the next letter of somebody who types, short enough to be no wait. */
const SETTLED_MS = 250;

/** A value that keeps changing, as it is once it has rested for a moment. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
