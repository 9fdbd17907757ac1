/** Builds the part of the npm package that is written in TypeScript: the element, `runLab`, plugins, and the scripts of the tag. */

import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig, type Plugin } from "vite";

import { embedConfig, embedScripts } from "./build/embed.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Adds what is no module of a bundler: the glue for Node, the tag's scripts, and the addresses that other bundlers find the engine by. */
function packageExtras(): Plugin {
  return {
    name: "package-extras",
    renderChunk: (code) => (/(FIRST|REST)_ADDRESS/.test(code) ? code.replace(/(FIRST|REST)_ADDRESS/g, (_, part: string) => `new URL("./playground_${part.toLowerCase()}.wasm", import.meta.url).href`) : null),
    async generateBundle() {
      for (const [fileName, source] of await embedScripts({ first: "playground_first.wasm", rest: "playground_rest.wasm" }, null)) this.emitFile({ type: "asset", fileName, source });
    },
    closeBundle: () => copyFileSync(here("./src/package/node.js"), here("../pkg/node.js")),
  };
}

const base = embedConfig({});

export default defineConfig({
  ...base,
  plugins: [...(base.plugins ?? []), packageExtras()],
  build: {
    ...base.build,
    outDir: here("../pkg"),
    lib: {
      entry: { element: here("./src/package/element.ts"), lab: here("./src/package/lab.ts"), vitepress: here("./src/package/vitepress.ts") },
      formats: ["es"],
    },
    rolldownOptions: { external: [/^node:/, "#glue"], output: { entryFileNames: "[name].js", chunkFileNames: "chunks/[name].js" } },
  },
});
