/**
 * VitePress in one line: `export default playground(defineConfig({ … }))`.
 *
 * Lua blocks that use `net`, and those whose fence says `playground`, become elements when the page is rendered; settings follow the
 * word: ```` ```lua playground view=sequence autorun ````. The scripts and the engine are served from the site itself.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { readSettings } from "../embed/snippet.ts";

export interface PlaygroundOptions {
  /** Address of a playground's site: scripts come from there instead of from this site, and elements link to its page. */
  readonly site?: string;
  /** Settings for every block, as attributes of the element. */
  readonly settings?: Readonly<{ [name: string]: string }>;
}

/** The parts of VitePress's configuration that are touched; it has many more. */
interface Config {
  base?: string;
  head?: unknown[];
  transformHead?: (context: HeadContext) => Promise<unknown[] | void> | unknown[] | void;
  markdown?: { config?: (md: MarkdownIt) => void | Promise<void> };
  vue?: { template?: { compilerOptions?: { isCustomElement?: (tag: string) => boolean } } };
  vite?: { plugins?: unknown[] };
}

/** What VitePress tells of a page that it builds. */
interface HeadContext {
  /** Its `base` is the one of the command line, if that names one. */
  readonly siteData: { readonly base: string };
}

interface Token {
  readonly info: string;
  readonly content: string;
}

interface MarkdownIt {
  renderer: { rules: { fence?: ((tokens: Token[], index: number, ...rest: unknown[]) => string) | undefined } };
}

/** What the site needs of the package; it may fetch from itself, so the engine's modules are enough. */
const scripts = ["embed.js", "embed/runtime.js", "playground_first.wasm", "playground_rest.wasm"];
const folder = "nodemcu-net-playground/";
const usesNet = /\bnet\s*\.\s*[A-Za-z_]/;
const contentTypes: Readonly<{ [ending: string]: string }> = { js: "text/javascript", wasm: "application/wasm" };

/** `config` with runnable Lua blocks. */
export function playground<C extends object>(config: C, options: PlaygroundOptions = {}): C {
  const given = config as Config;
  const { site } = options;
  const isCustomElement = given.vue?.template?.compilerOptions?.isCustomElement;
  return {
    ...config,
    transformHead: async (context: HeadContext) => [...((await given.transformHead?.(context)) ?? []), ["script", { async: "", src: sourceOf(context.siteData.base, site) }]],
    markdown: {
      ...given.markdown,
      config: async (md: MarkdownIt) => {
        await given.markdown?.config?.(md);
        runnableFences(md, options.settings);
      },
    },
    vue: {
      ...given.vue,
      template: {
        ...given.vue?.template,
        compilerOptions: { ...given.vue?.template?.compilerOptions, isCustomElement: (tag: string) => tag === "nodemcu-playground" || (isCustomElement?.(tag) ?? false) },
      },
    },
    vite: { ...given.vite, plugins: [...(given.vite?.plugins ?? []), brings(site)] },
  };
}

/** The tag's address on a site that lies at `base`. */
function sourceOf(base: string, site: string | undefined): string {
  return site === undefined ? `${base}${folder}embed.js` : new URL("embed.js", site).href;
}

/** Makes a markdown-it render Lua fences as elements. */
export function runnableFences(md: MarkdownIt, settings: Readonly<{ [name: string]: string }> = {}): void {
  const { fence } = md.renderer.rules;
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const token = tokens[index];
    const match = /^lua(?:\s+(playground|static))?(?:\s+(.*))?$/s.exec(token?.info.trim() ?? "");
    const isWanted = match && match[1] !== "static" && (match[1] === "playground" || usesNet.test(token?.content ?? ""));
    if (!token || !isWanted) return fence?.(tokens, index, ...rest) ?? "";
    const own = match[1] === "playground" ? readSettings(match[2] ?? "") : {};
    const attributes = Object.entries({ ...settings, ...own }).map(([name, value]) => ` ${name}="${escaped(value)}"`);
    return `<nodemcu-playground v-pre${attributes.join("")}><pre><code class="language-lua">${escaped(token.content)}</code></pre></nodemcu-playground>\n`;
  };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("\n", "&#10;");
}

/**
 * A Vite plugin for what `transformHead` cannot do: it puts the tag into pages while they are written, and the package's scripts and
 * engine into the site, unless they come from another one.
 */
function brings(site: string | undefined): object {
  const read = (name: string): Uint8Array => readFileSync(fileURLToPath(new URL(/* @vite-ignore */ `./${name}`, import.meta.url)));
  let base = "/";
  return {
    name: "nodemcu-net-playground",
    // Not into what VitePress builds only to render the pages.
    apply: (_: unknown, { command, isSsrBuild }: { readonly command: string; readonly isSsrBuild?: boolean }) => command === "serve" || isSsrBuild !== true,
    configResolved: (resolved: { readonly base: string }) => void ({ base } = resolved),
    transformIndexHtml: () => [{ tag: "script", attrs: { async: true, src: sourceOf(base, site) }, injectTo: "head" }],
    configureServer(server: { middlewares: { use(handler: (request: { url?: string }, response: { setHeader(name: string, value: string): void; end(body: Uint8Array): void }, next: () => void) => void): void } }) {
      server.middlewares.use((request, response, next) => {
        const path = (request.url ?? "").replace(/\?.*/, "").replace(base, "/");
        const name = scripts.find((script) => path === `/${folder}${script}`);
        if (name === undefined) return next();
        response.setHeader("content-type", contentTypes[name.split(".").at(-1) ?? ""] ?? "");
        response.end(read(name));
      });
    },
    generateBundle(this: { emitFile(file: object): void }) {
      if (site !== undefined) return;
      for (const name of scripts) this.emitFile({ type: "asset", fileName: folder + name, source: read(name) });
    },
  };
}
