import { Store } from "../lib/store.ts";

const PLAIN = ["account", "users", "audit"] as const;

/** Where in the page one is. */
export type Route =
  | { readonly name: "classes" | (typeof PLAIN)[number] }
  /** `invitation`: the token that the address brought along. */
  | { readonly name: "class"; readonly roomId: string; readonly invitation: string | null };

const CLASS = /^#\/class\/([A-Za-z0-9._~-]{1,128})(?:\?invitation=([A-Za-z0-9._~-]{1,200}))?$/;

/** Read a route from a URL's hash; anything unknown is the list of classes. */
export function routeOf(hash: string): Route {
  const [, roomId, invitation = null] = CLASS.exec(hash) ?? [];
  if (roomId) return { name: "class", roomId, invitation };
  const name = PLAIN.find((each) => hash === `#/${each}`);
  return { name: name ?? "classes" };
}

export function hashOf(route: Route): string {
  if (route.name === "classes") return "#/";
  if (route.name !== "class") return `#/${route.name}`;
  const { roomId, invitation } = route;
  return `#/class/${roomId}${invitation ? `?invitation=${invitation}` : ""}`;
}

/** The whole address, to be sent to somebody. */
export function addressOf(route: Route): string {
  return `${location.origin}/${hashOf(route)}`;
}

/** The route of the page's address, followed as it changes. */
export function watchRoute(): Store<{ route: Route }> {
  const store = new Store({ route: routeOf(location.hash) });
  addEventListener("hashchange", () => store.patch({ route: routeOf(location.hash) }));
  return store;
}

export function go(route: Route): void {
  location.hash = hashOf(route);
}
