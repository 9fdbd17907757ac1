/** An author's site: pages written by a test, served from an origin of their own, beside the playground's. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";

import { addressOf, Harness, serve } from "../web/harness.ts";

export interface Visit {
  readonly page: Page;
  /** Errors and warnings of the page so far; a fetch that the browser refused is none, the element has another way. */
  readonly troubles: readonly string[];
  /** Paths that were asked of the playground's site, in order. */
  readonly asked: readonly string[];
}

export class AuthorSite {
  private constructor(
    readonly folder: string,
    readonly server: Server,
    readonly url: string,
  ) {}

  static async start(headers: Readonly<{ [name: string]: string }> = {}): Promise<AuthorSite> {
    const folder = mkdtempSync(join(tmpdir(), "playground-author-"));
    const server = await serve(folder, headers);
    return new AuthorSite(folder, server, addressOf(server));
  }

  stop(): void {
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes a page whose body is `body`; returns its name. */
  write(body: string, name = "page.html"): string {
    writeFileSync(join(this.folder, name), `<!doctype html><html lang="en"><meta charset="utf-8"><title>Author</title><body>${body}</body></html>`);
    return name;
  }
}

/** Opens `url` in a fresh browser context. */
export async function visit(harness: Harness, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await harness.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const troubles: string[] = [];
  const asked: string[] = [];
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (message) => {
    const isRefusedFetch = /blocked by CORS policy|net::ERR_FAILED|favicon/.test(message.text() + message.location().url);
    if ((message.type() === "error" || message.type() === "warning") && !isRefusedFetch) troubles.push(message.text());
  });
  page.on("request", (request) => {
    if (request.url().startsWith(harness.url)) asked.push(request.url().slice(harness.url.length).replace(/\?.*/, ""));
  });
  await page.goto(url);
  return { page, troubles, asked };
}

/** The playground's site and an author's, for the tests of one file; each test's pages are closed after it. */
export function twoSites(): { readonly harness: Harness; readonly author: AuthorSite; open(body: string, options?: BrowserContextOptions): Promise<Visit> } {
  let harness: Harness | null = null;
  let author: AuthorSite | null = null;
  beforeAll(async () => {
    harness = await Harness.start("real");
    author = await AuthorSite.start();
  });
  afterAll(async () => {
    author?.stop();
    await harness?.stop();
  });
  afterEach(async () => {
    for (const context of harness?.browser.contexts() ?? []) await context.close();
  });
  const begun = <T>(value: T | null): T => {
    if (value === null) throw new Error("the sites are there within tests only");
    return value;
  };
  return {
    get harness() {
      return begun(harness);
    },
    get author() {
      return begun(author);
    },
    open: (body, options) => visit(begun(harness), begun(author).url + begun(author).write(body), options),
  };
}

/** The playgrounds of a page. */
export function playgrounds(page: Page): Locator {
  return page.locator("nodemcu-playground");
}

/** Presses Run and waits for `text` on the console. */
export async function runUntil(playground: Locator, text: string | RegExp): Promise<void> {
  await playground.getByRole("button", { name: /^Run/ }).click();
  await playground.locator(".line").filter({ hasText: text }).first().waitFor();
}
