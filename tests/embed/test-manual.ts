/**
 * The manual of `net`: every example runs on the command line and prints what the manual says; the built pages are runnable.
 *
 * `PLAYGROUND_CLI` names the command. `UPDATE_EXPECT=1` writes what the examples print into the manual; read the difference as you would
 * read code.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { labOf, readPragma } from "../../web/src/embed/snippet.ts";
import { accessibilityProblems, Harness } from "../web/harness.ts";
import { playgrounds, visit } from "./author.ts";

const root = resolve(import.meta.dirname, "../..");
const pages = join(root, "docs/manual/pages");
const command = resolve(root, process.env["PLAYGROUND_CLI"] ?? "target/debug/playground");

/** A Lua block and the console that the manual shows below it. */
const example = /^```lua\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm;
/** What a board says at every start, which the manual leaves out. */
const banner = /^(?:\w+: )?(?:NodeMCU \d|\t(?:branch|commit|release|release DTS|SSL|build type|LFS|modules): | build \d|$)/;
/** How long an example runs unless it says so (`until=20s`). */
const untilUsual = "8s";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "playground-manual-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a program of the manual prints, as a reader of the page sees it. */
function printed(program: string): string {
  const { settings, code } = readPragma(program);
  const { lab } = labOf({ title: "", code, setup: settings["setup"] ?? "", files: peers(settings), profile: settings["profile"] ?? "", start: (settings["start"] as "auto" | undefined) ?? "auto", pc: settings["pc"] ?? "" });
  const file = join(folder, "lab.json");
  writeFileSync(file, JSON.stringify(lab));
  let output: string;
  try {
    output = execFileSync(command, ["run", file, "--until", settings["until"] ?? untilUsual], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    // The command's status tells of a crash, which some examples are about.
    output = (error as { stdout: string }).stdout;
  }
  const lines = output.replaceAll("\r", "").split("\n").filter((line) => !banner.test(line.trimEnd()));
  const said = lines.map((line) => line.replace(/^(?:> ?)+/, "").trimEnd()).filter((line) => line !== "");
  return said.map((line) => `${line}\n`).join("");
}

/** A page names the board that an example talks to by the name of a file beside it. */
function peers(settings: Readonly<{ [name: string]: string }>): Parameters<typeof labOf>[0]["files"] {
  const names = Object.entries(JSON.parse(settings["files"] ?? "{}") as { [name: string]: string });
  return names.map(([name, text]) => ({ board: null, name, text, isHidden: false }));
}

describe.skipIf(process.env["PLAYGROUND_CLI"] === undefined && !existsSync(command))("on the command line", () => {
  for (const page of readdirSync(pages).filter((name) => name.endsWith(".md"))) {
    it(`every example of ${page} prints what stands below it`, () => {
      const file = join(pages, page);
      const text = readFileSync(file, "utf8");
      const examples = [...text.matchAll(example)];
      const found = text.replace(example, (_, program: string) => {
        const output = printed(program);
        return `\`\`\`lua\n${program}\`\`\`\n${output === "" ? "" : `\n\`\`\`text\n${output}\`\`\`\n`}`;
      });
      if (process.env["UPDATE_EXPECT"]) writeFileSync(file, found);
      else expect(found).toBe(text);
      if (page !== "index.md") expect(examples.length).toBeGreaterThan(0);
    }, 60_000);
  }
});

describe("in the browser", () => {
  it("every page has its examples runnable, in light and dark, on a phone too", async () => {
    const harness = await Harness.start("real");
    try {
      for (const page of readdirSync(pages).filter((name) => name.endsWith(".md"))) {
        const count = [...readFileSync(join(pages, page), "utf8").matchAll(example)].length;
        const { page: opened, troubles } = await visit(harness, `${harness.url}manual/${page.replace(".md", ".html")}`);
        await expect.poll(() => playgrounds(opened).count(), { timeout: 10_000 }).toBe(count);
        if (count > 0) {
          const first = playgrounds(opened).first();
          await first.scrollIntoViewIfNeeded();
          await first.getByRole("button", { name: "Run" }).click();
          await first.locator(".line").filter({ hasText: /\S/ }).first().waitFor();
          await first.locator(".arrow, .event-box").first().waitFor();
        }
        expect(troubles).toEqual([]);
        await opened.context().close();
      }
      for (const colorScheme of ["light", "dark"] as const) {
        const { page: opened } = await visit(harness, `${harness.url}manual/socket.html`, { colorScheme, viewport: { width: 390, height: 844 } });
        await playgrounds(opened).first().getByRole("button", { name: "Run" }).waitFor();
        expect(await playgrounds(opened).first().locator(".playground").getAttribute("data-theme")).toBe(colorScheme);
        expect(await opened.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
        const problems = await accessibilityProblems(opened);
        expect(problems.filter((problem) => problem.includes("nodemcu-playground"))).toEqual([]);
        await opened.context().close();
      }
    } finally {
      await harness.stop();
    }
  }, 180_000);
});
