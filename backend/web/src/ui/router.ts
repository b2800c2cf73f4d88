import { Store } from "../lib/store.ts";

/** Where in the page one is: the list of classes, or one class. */
export type Route = { readonly name: "classes" } | { readonly name: "class"; readonly roomId: string };

const ROOM_ID = /^#\/class\/([A-Za-z0-9._~-]{1,128})$/;

/** Read a route from a URL's hash; anything unknown is the list of classes. */
export function routeOf(hash: string): Route {
  const roomId = ROOM_ID.exec(hash)?.[1];
  return roomId ? { name: "class", roomId } : { name: "classes" };
}

export function hashOf(route: Route): string {
  return route.name === "class" ? `#/class/${route.roomId}` : "#/";
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
