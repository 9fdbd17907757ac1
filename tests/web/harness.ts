/**
 * What the page's tests share: a static server on loopback, one Chromium, and pages that report their own errors.
 *
 * `PLAYGROUND_SITE` names a built site; without it the site is built into a temporary folder. The fixture site replaces the engine by
 * a prepared run (`web/test/fixture-engine.ts`).
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { gzipSync } from "node:zlib";

import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const web = resolve(import.meta.dirname, "../../web");

const contentTypes: Readonly<{ [ending: string]: string }> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Where a Chromium may lie, the wish of the environment first. */
const chromiumPaths: readonly string[] = [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

/** The page is served below this path, so that a site that only works at the root fails. */
const subPath = "/some/where/";

export interface Opened {
  readonly page: Page;
  /** Errors and warnings of the page's own making so far. */
  readonly troubles: readonly string[];
  /** Requests that left the site. */
  readonly strays: readonly string[];
}

export class Harness {
  readonly #closers: (() => void | Promise<void>)[] = [];

  private constructor(
    readonly browser: Browser,
    readonly url: string,
    /** The built site. */
    readonly folder: string,
  ) {}

  /** Serves the site, built with the real engine or with the prepared run. */
  static async start(engine: "real" | "fixture"): Promise<Harness> {
    const given = process.env["PLAYGROUND_SITE"];
    const isGiven = engine === "real" && given !== undefined;
    const folder = isGiven ? resolve(given) : mkdtempSync(join(tmpdir(), "playground-site-"));
    if (!isGiven) {
      const environment = { ...process.env, NODE_ENV: "production", ...(engine === "fixture" && { PLAYGROUND_ENGINE: "fixture" }) };
      execFileSync("npx", ["vite", "build", "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"], { cwd: web, env: environment, stdio: ["ignore", "ignore", "inherit"] });
    }
    const server = await serve(folder);
    const browser = await launchChromium();
    const harness = new Harness(browser, addressOf(server), folder);
    harness.#closers.push(
      () => browser.close(),
      () => void server.close(),
      () => {
        if (!isGiven) rmSync(folder, { recursive: true, force: true });
      },
    );
    return harness;
  }

  async stop(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  /** Opens the page as a new visitor. */
  async open(fragment = "", options: BrowserContextOptions = {}): Promise<Opened> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    const troubles: string[] = [];
    const strays: string[] = [];
    page.on("pageerror", (error) => troubles.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") troubles.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(this.url) && !/^(data|blob|about):/.test(request.url())) strays.push(request.url());
    });
    await page.goto(this.url + fragment);
    return { page, troubles, strays };
  }
}

/** Starts the machine's Chromium, with further arguments. */
export function launchChromium(...further: readonly string[]): Promise<Browser> {
  const executablePath = chromiumPaths.find((path) => path !== "" && existsSync(path));
  if (executablePath === undefined) throw new Error("No Chromium was found; name one in CHROMIUM.");
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", ...further];
  return chromium.launch({ executablePath, args });
}

/** What axe finds, in short. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations.map((violation) => `${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 4).map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
}

/** A lab as a link carries it. */
export async function fragmentOf(lab: unknown): Promise<string> {
  const packed = await new Response(new Blob([JSON.stringify(lab)]).stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer();
  return `#lab=${Buffer.from(packed).toString("base64url")}`;
}

/** A lab with one board that runs `program`. */
export function labOf(program: string, title = "Test"): object {
  return { version: 1, title, boards: [{ name: "board", files: { "init.lua": program } }] };
}

/** Address of the folder that `server` serves. */
export function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${subPath}`;
}

const packedAssets = new Map<string, Buffer>();

/** The file as a web host sends it: compressed, if its name says that it never changes. */
function bodyOf(file: string): { readonly body: Buffer; readonly headers: Readonly<{ [name: string]: string }> } {
  if (!/[\\/]assets[\\/].*-[\w-]{8}\.(js|css|wasm)$/.test(file)) return { body: readFileSync(file), headers: {} };
  const body = packedAssets.get(file) ?? gzipSync(readFileSync(file));
  packedAssets.set(file, body);
  return { body, headers: { "content-encoding": "gzip" } };
}

/** Serves a folder on a port of its own, which is an origin of its own, with `headers` on every answer. */
export async function serve(folder: string, headers: Readonly<{ [name: string]: string }> = {}): Promise<Server> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://site").pathname;
    const inside = path.startsWith(subPath) ? normalize(decodeURIComponent(path.slice(subPath.length))) : null;
    const file = inside === null || inside.startsWith("..") ? null : join(folder, inside === "." || inside === "" ? "index.html" : inside);
    try {
      if (file === null) throw new Error("outside the site");
      const { body, headers: encoding } = bodyOf(file);
      response.writeHead(200, { ...headers, ...encoding, "content-type": contentTypes[extname(file)] ?? "application/octet-stream", "cache-control": file.endsWith(".html") ? "no-cache" : "max-age=3600" });
      response.end(body);
    } catch {
      response.writeHead(404);
      response.end();
    }
  });
  server.listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  return server;
}
