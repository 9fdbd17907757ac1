import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

import { embedBesidePage, version } from "./build/embed.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Tests of the page's own behaviour replace the engine by one that replays a prepared run; a built site never does. */
const isFixture = process.env["PLAYGROUND_ENGINE"] === "fixture";
const engine = isFixture ? here("./test/fixture-engine.ts") : here("./src/engine/load.ts");

export default defineConfig({
  root: here(".."),
  base: "./",
  publicDir: here("./public"),
  cacheDir: here("./node_modules/.vite"),
  resolve: { alias: { "#engine": engine } },
  define: { PLAYGROUND_VERSION: JSON.stringify(version) },
  plugins: isFixture ? [] : [embedBesidePage()],
  worker: { format: "es" },
  server: { watch: { ignored: ["**/target/**", "**/crates/**"] } },
  build: {
    target: "es2022",
    outDir: here("../dist"),
    rolldownOptions: { input: { index: here("../index.html"), embed: here("../embed.html") } },
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  test: {
    root: here("."),
    include: ["test/test-*.ts"],
  },
} as Parameters<typeof defineConfig>[0]);
