import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** The heading of a page. It takes the focus when the page appears, so that a screen reader tells where one is now. */
export function PageHeading({ children }: { readonly children: ComponentChildren }) {
  const element = useRef<HTMLHeadingElement>(null);
  useEffect(() => element.current?.focus({ preventScroll: true }), []);
  return (
    <h1 ref={element} tabIndex={-1}>
      {children}
    </h1>
  );
}
