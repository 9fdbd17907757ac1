import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

import { embedBesidePage, version } from "./build/embed.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Tests of the page's own behaviour replace the engine by one that replays a prepared run; a built site never does. */
const isFixture = process.env["PLAYGROUND_ENGINE"] === "fixture";
const engine = isFixture ? here("./test/fixture-engine.ts") : here("./src/engine/load.ts");
const engineModules = isFixture ? here("./test/fixture-modules.ts") : here("./src/engine/modules.ts");

/** Names what the first run needs in the page's head, so that it is fetched beside the page's script instead of after it. */
function preload(): Plugin {
  return {
    name: "preload",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle, path }) =>
        Object.keys(path.endsWith("index.html") ? (bundle ?? {}) : {})
          .filter((name) => /playground_first.*\.wasm$/.test(name))
          .map((name) => ({ tag: "link", attrs: { rel: "preload", href: `./${name}`, as: "fetch", type: "application/wasm", crossorigin: true }, injectTo: "head" })),
    },
  };
}

export default defineConfig({
  root: here(".."),
  base: "./",
  publicDir: here("./public"),
  cacheDir: here("./node_modules/.vite"),
  resolve: { alias: [{ find: /^#engine$/, replacement: engine }, { find: /^#engine-modules$/, replacement: engineModules }] },
  define: { PLAYGROUND_VERSION: JSON.stringify(version) },
  plugins: isFixture ? [preload()] : [preload(), embedBesidePage()],
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
