import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const BACKEND = "http://localhost:8080";

export default defineConfig({
  resolve: {
    // protoo-client brings a WebSocket of its own for Node; a browser has one.
    alias: { websocket: fileURLToPath(new URL("src/signalling/native-websocket.ts", import.meta.url)) },
  },
  build: {
    target: "es2022",
    sourcemap: true,
    // Nothing inline: the page's content-security policy loads from our own origin only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Two pages: the classroom, and the API documents at /docs. Neither loads anything of the other.
    rolldownOptions: { input: ["index.html", "docs.html"] },
    // Swagger UI comes as one bundle of this size, and only /docs loads it.
    chunkSizeWarningLimit: 1800,
  },
  // `npm run dev` shows the page with hot reload and leaves the rest to a running backend.
  server: {
    port: 5173,
    proxy: { "/api": BACKEND, "/health": BACKEND, "/openapi.json": BACKEND, "/ws": { target: BACKEND, ws: true } },
  },
});
