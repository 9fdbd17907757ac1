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

import type { PartName } from "../src/embed/packed-part.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const version = (JSON.parse(readFileSync(here("../../pkg/package.json"), "utf8")) as { version: string }).version;

/** Names of what a script tag brings, relative to it. */
interface EmbedPaths {
  readonly runtime: string;
  readonly engine: { readonly [Name in PartName]: { readonly module: string; readonly script: string } };
  readonly site: string | null;
}

/**
 * The glue's default address of the module would make the build copy the module into every script that contains the glue. Embedded
 * workers are always given the engine.
 */
function withoutModuleAddress(): Plugin {
  return {
    name: "without-module-address",
    enforce: "pre",
    transform: (code, id) => (/pkg\/playground\.js$/.test(id) ? code.replace(/new URL\('playground_bg\.wasm', import\.meta\.url\)/, "undefined") : null),
  };
}

/** Gives the workers' script as text: the runtime starts them from a blob. */
function workerAsText(): Plugin {
  const name = "virtual:embedded-worker";
  return {
    name: "worker-as-text",
    resolveId: (id) => (id === name ? `\0${name}` : null),
    load: async (id) => (id === `\0${name}` ? `export default ${JSON.stringify(await classicScript("worker.ts", "NodemcuPlaygroundWorker"))};` : null),
  };
}

/** What all builds of the element have in common. */
export function embedConfig(config: InlineConfig): InlineConfig {
  return {
    configFile: false,
    root: here(".."),
    logLevel: "warn",
    publicDir: false,
    plugins: [withoutModuleAddress(), workerAsText()],
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

/** A part of the engine as a script; `takePart` of `src/embed/packed-part.ts` reads it. */
function partScript(name: PartName): string {
  const packed = gzipSync(readFileSync(here(`../../pkg/playground_${name}.wasm`)), { level: 9 });
  return `(globalThis.nodemcuPlaygroundParts??={}).${name}="${packed.toString("base64")}";\n`;
}

/**
 * The scripts of the tag: the small one that a page loads, and what that loads. `modules` are the addresses of the engine's parts
 * relative to the tag's.
 */
export async function embedScripts(modules: { readonly [Name in PartName]: string }, site: string | null): Promise<ReadonlyMap<string, string>> {
  const runtime = await classicScript("runtime.ts", "NodemcuPlaygroundRuntime");
  const parts = { first: partScript("first"), rest: partScript("rest") };
  const engine = (name: PartName): EmbedPaths["engine"][PartName] => {
    const version = hash(parts[name]);
    const module = modules[name];
    return { module: /-[\w-]{8}\.wasm$/.test(module) ? module : `${module}?${version}`, script: `embed/${name}.wasm.js?${version}` };
  };
  const paths: EmbedPaths = { runtime: `embed/runtime.js?${hash(runtime)}`, engine: { first: engine("first"), rest: engine("rest") }, site };
  const tag = await classicScript("script.ts", "NodemcuPlayground", { EMBED_PATHS: JSON.stringify(paths) });
  return new Map([
    ["embed.js", tag],
    ["embed/runtime.js", runtime],
    ["embed/first.wasm.js", parts.first],
    ["embed/rest.wasm.js", parts.rest],
  ]);
}

/** Puts the scripts of the tag beside the page, whose engine they share. */
export function embedBesidePage(): Plugin {
  return {
    name: "embed-beside-page",
    apply: "build",
    async generateBundle(_, bundle) {
      const module = (name: PartName): string => {
        const found = Object.keys(bundle).find((file) => file.includes(`playground_${name}`));
        if (found === undefined) throw new Error(`the page has no playground_${name}.wasm`);
        return found;
      };
      for (const [fileName, source] of await embedScripts({ first: module("first"), rest: module("rest") }, "./")) this.emitFile({ type: "asset", fileName, source });
    },
  };
}
