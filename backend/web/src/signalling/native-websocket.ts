/** Stands in for the `websocket` package in the bundle: a browser has a WebSocket of its own. */
export const w3cwebsocket = WebSocket;
