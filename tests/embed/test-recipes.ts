/**
 * The recipes of `docs/embedding`, built with the real generators and clicked through.
 *
 * `PLAYGROUND_TOOLS` names the folder that `cargo xtask test` puts the generators into.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { addressOf, Harness, serve } from "../web/harness.ts";
import { playgrounds, runUntil, visit } from "./author.ts";

const root = resolve(import.meta.dirname, "../..");
const tools = resolve(root, process.env["PLAYGROUND_TOOLS"] ?? "target/xtask/tools");
const recipes = join(import.meta.dirname, "recipes");

interface Recipe {
  readonly name: string;
  /** Builds the project in `folder`; returns the folder of the site. */
  readonly build: (folder: string) => string;
}

const run = (folder: string, program: string, ...args: readonly string[]): void => {
  execFileSync(program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, NODE_ENV: "production", NO_MKDOCS_2_WARNING: "true" } });
};

const all: readonly Recipe[] = [
  { name: "plain", build: (folder) => folder },
  { name: "mkdocs", build: (folder) => (run(folder, join(tools, "python/bin/mkdocs"), "build", "--quiet", "--strict"), join(folder, "site")) },
  { name: "mdbook", build: (folder) => (run(folder, join(tools, "bin/mdbook"), "build"), join(folder, "book")) },
  {
    name: "vitepress",
    build: (folder) => {
      // The package stands beside the generator, as `npm install` would put it.
      const installed = join(recipes, "vitepress/node_modules");
      mkdirSync(join(folder, "node_modules"));
      for (const name of readdirSync(installed)) symlinkSync(join(installed, name), join(folder, "node_modules", name));
      symlinkSync(join(root, "pkg"), join(folder, "node_modules/nodemcu-net-playground"));
      // A site that does not lie at the root names its place, here on the command line.
      run(folder, join(installed, ".bin/vitepress"), "build", "--base", "/some/where/");
      return join(folder, ".vitepress/dist");
    },
  },
  { name: "sphinx", build: (folder) => (run(folder, join(tools, "python/bin/sphinx-build"), "-q", "-W", "-b", "html", ".", "site"), join(folder, "site")) },
];

let harness: Harness;
let folder: string;

beforeAll(async () => {
  harness = await Harness.start("real");
  folder = mkdtempSync(join(tmpdir(), "playground-recipes-"));
});
afterAll(async () => {
  await harness.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const context of harness.browser.contexts()) await context.close();
});

/** Copies a recipe's project; the playground's address becomes that of the test's own site. */
function project(name: string): string {
  const copy = join(folder, name);
  cpSync(join(recipes, name), copy, { recursive: true, filter: (path) => !path.includes("node_modules") });
  for (const file of filesBelow(copy)) writeFileSync(file, readFileSync(file, "utf8").replaceAll("https://play.example/", harness.url));
  return copy;
}

function filesBelow(path: string): readonly string[] {
  return statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => (name === "node_modules" ? [] : filesBelow(join(path, name)))) : [path];
}

for (const { name, build } of all) {
  describe(`the recipe for ${name}`, () => {
    it("makes a block runnable, and leaves the others", async () => {
      const server = await serve(build(project(name)));
      try {
        const { page, troubles } = await visit(harness, addressOf(server));
        await playgrounds(page).getByRole("button", { name: "Run" }).waitFor();
        expect(await playgrounds(page).count()).toBe(1);
        await runUntil(playgrounds(page), "listening on 192.168.1.100");
        await playgrounds(page).getByRole("tab", { name: "Sequence" }).waitFor();
        expect(troubles).toEqual([]);
        const { page: phone } = await visit(harness, addressOf(server), { viewport: { width: 390, height: 800 } });
        await playgrounds(phone).getByRole("button", { name: "Run" }).click();
        await playgrounds(phone).getByRole("tab", { name: "Console" }).click();
        await playgrounds(phone).locator(".line").filter({ hasText: "listening on 192.168.1.100" }).waitFor();
        expect(await playgrounds(phone).evaluate((element) => element.getBoundingClientRect().right)).toBeLessThanOrEqual(390);
      } finally {
        server.close();
      }
    }, 120_000);

    it("is what its page shows", () => {
      const document = readFileSync(join(root, `docs/embedding/${name}.md`), "utf8");
      const files = filesBelow(join(recipes, name)).map((file) => readFileSync(file, "utf8"));
      const blocks = [...document.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, language]) => language !== "console");
      expect(blocks.length).toBeGreaterThan(0);
      for (const [, , text = ""] of blocks) expect(files.some((file) => file.includes(text.trim()))).toBe(true);
    });
  });
}
