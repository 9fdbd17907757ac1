/**
 * Builds the embeddable element: as scripts for a plain tag, which the site carries beside the page, and as modules for the npm package.
 *
 * The scripts cannot share chunks with the page: they are classic ones, which need no permission of the site they come from.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build, type InlineConfig, type Plugin, type Rolldown } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const version = (JSON.parse(readFileSync(here("../../pkg/package.json"), "utf8")) as { version: string }).version;

/** Names of what a script tag brings, relative to it. */
interface EmbedPaths {
  readonly runtime: string;
  readonly engine: string;
  readonly engineScript: string;
  readonly site: string | null;
}

/**
 * The glue's default address of the module would make the build copy the module into every script that contains the glue. Embedded
 * workers are always given the module.
 */
function withoutModuleAddress(): Plugin {
  return {
    name: "without-module-address",
    enforce: "pre",
    transform: (code, id) => (/pkg\/playground\.js$/.test(id) ? code.replace(/new URL\('playground_bg\.wasm', import\.meta\.url\)/, "undefined") : null),
  };
}

/** What all builds of the element have in common. */
export function embedConfig(config: InlineConfig): InlineConfig {
  return {
    configFile: false,
    root: here(".."),
    logLevel: "warn",
    publicDir: false,
    plugins: [withoutModuleAddress()],
    worker: { format: "iife", plugins: () => [withoutModuleAddress()] },
    ...config,
    define: { "process.env.NODE_ENV": '"production"', PLAYGROUND_VERSION: JSON.stringify(version), ...config.define },
    build: { target: "es2022", emptyOutDir: false, reportCompressedSize: false, ...config.build },
  };
}

/** One classic script with everything in it. */
async function classicScript(entry: string, name: string, define: { readonly [name: string]: string } = {}): Promise<string> {
  const config = embedConfig({ define, build: { write: false, minify: true, lib: { entry: here(`../src/embed/${entry}`), formats: ["iife"], name, fileName: "script" } } });
  const [result] = (await build(config)) as Rolldown.RolldownOutput[];
  const [chunk] = result?.output ?? [];
  if (chunk?.type !== "chunk" || result?.output.length !== 1) throw new Error(`${entry} did not become one script`);
  return chunk.code;
}

const hash = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex").slice(0, 8);

/**
 * The scripts of the tag: the small one that a page loads, and what that loads. `engine` is the module's address relative to the tag's.
 */
export async function embedScripts(engine: string, site: string | null): Promise<ReadonlyMap<string, string>> {
  const runtime = await classicScript("runtime.ts", "NodemcuPlaygroundRuntime");
  const module = gzipSync(readFileSync(here("../../pkg/playground_bg.wasm")), { level: 9 });
  const engineScript = `globalThis.nodemcuPlaygroundModule="${module.toString("base64")}";\n`;
  const paths: EmbedPaths = {
    runtime: `embed/runtime.js?${hash(runtime)}`,
    engine: engine.includes("?") || /-[\w-]{8}\.wasm$/.test(engine) ? engine : `${engine}?${hash(module)}`,
    engineScript: `embed/engine.wasm.js?${hash(module)}`,
    site,
  };
  const tag = await classicScript("script.ts", "NodemcuPlayground", { EMBED_PATHS: JSON.stringify(paths) });
  return new Map([
    ["embed.js", tag],
    ["embed/runtime.js", runtime],
    ["embed/engine.wasm.js", engineScript],
  ]);
}

/** Puts the scripts of the tag beside the page, and the undivided engine: the page's own comes in parts. */
export function embedBesidePage(): Plugin {
  return {
    name: "embed-beside-page",
    apply: "build",
    async generateBundle() {
      const module = this.emitFile({ type: "asset", name: "playground_bg.wasm", source: readFileSync(here("../../pkg/playground_bg.wasm")) });
      for (const [fileName, source] of await embedScripts(this.getFileName(module), "./")) this.emitFile({ type: "asset", fileName, source });
    },
  };
}
