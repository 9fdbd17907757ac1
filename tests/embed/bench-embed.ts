/**
 * What the element costs a page before anybody runs anything: a generated page with twenty Lua blocks, with the tag and without.
 *
 * Needs the generators in `PLAYGROUND_TOOLS`.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { addressOf, Harness, serve } from "../web/harness.ts";
import { playgrounds } from "./author.ts";

const tools = resolve(import.meta.dirname, "../..", process.env["PLAYGROUND_TOOLS"] ?? "target/xtask/tools");
const blocks = 20;
/** Pairs of visits: enough that the median's uncertainty is below the slowdown that is looked for. */
const pairs = 60;
/** The first visits find files that the machine has not read yet. */
const warmUps = 3;
/** The goal. The benchmark fails when the slowdown is above it for certain, whatever else the machine did meanwhile. */
const slowdownMax = 1.05;

let harness: Harness;
let folder: string;

beforeAll(async () => {
  harness = await Harness.start("real");
  folder = mkdtempSync(join(tmpdir(), "playground-bench-"));
}, 600_000);
afterAll(async () => {
  await harness.stop();
  rmSync(folder, { recursive: true, force: true });
});

const tell = (text: string): void => void process.stdout.write(`    ${text}\n`);

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

interface Slowdown {
  /** Median over the pairs of visits. */
  readonly ratio: number;
  /** Where it lies with 95 % confidence: the order statistics of the binomial distribution, which assume nothing of the noise's shape. */
  readonly from: number;
  readonly to: number;
}

/** How much slower `slow` is than `quick`, visit by visit: what slowed the machine for a while slowed both of a pair. */
function slowdown(quick: readonly number[], slow: readonly number[]): Slowdown {
  const ratios = slow.map((value, index) => value / (quick[index] ?? NaN)).toSorted((a, b) => a - b);
  const reach = Math.ceil((1.96 * Math.sqrt(ratios.length)) / 2);
  const middle = ratios.length / 2;
  return { ratio: median(ratios), from: ratios[Math.max(0, Math.floor(middle) - reach)] ?? NaN, to: ratios[Math.min(ratios.length - 1, Math.ceil(middle) - 1 + reach)] ?? NaN };
}

/** A page of Material for MkDocs as its users have it, and the same page with the tag; returns the site's folder. */
function buildPages(): string {
  const program = readFileSync(join(import.meta.dirname, "recipes/mkdocs/docs/index.md"), "utf8").match(/```lua\n[\s\S]*?```\n/)?.[0] ?? "";
  const text = "A paragraph of the kind that stands between programs, long enough to fill a few lines of a page of documentation. ".repeat(4);
  mkdirSync(join(folder, "docs"));
  writeFileSync(join(folder, "docs/index.md"), `# Twenty programs\n\n${Array.from({ length: blocks }, (_, index) => `## Program ${index + 1}\n\n${text}\n\n${program}`).join("\n")}`);
  writeFileSync(join(folder, "mkdocs.yml"), "site_name: Bench\ntheme:\n  name: material\n  font: false\nmarkdown_extensions:\n  - pymdownx.superfences\n  - pymdownx.highlight:\n      pygments_lang_class: true\n");
  execFileSync(join(tools, "python/bin/mkdocs"), ["build", "--quiet"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, NO_MKDOCS_2_WARNING: "true" } });
  const site = join(folder, "site");
  // The element's script lies on the same site, as the rest of the page does: what is measured is the element, not a second connection.
  for (const name of ["embed.js", "embed", "assets"]) cpSync(join(harness.folder, name), join(site, name), { recursive: true });
  const page = readFileSync(join(site, "index.html"), "utf8");
  writeFileSync(join(site, "with.html"), page.replace("<head>", '<head><script async src="embed.js" data-upgrade></script>'));
  return site;
}

interface Measured {
  readonly loadMs: number;
  readonly paintMs: number;
  readonly scripts: number;
  readonly bytes: number;
}

/** One first visit of the page at `url`. */
async function visit(url: string, isUpgraded: boolean): Promise<Measured> {
  const context = await harness.browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(url);
  if (isUpgraded) {
    await playgrounds(page).first().getByRole("button", { name: "Run" }).waitFor();
    expect(await playgrounds(page).count()).toBe(blocks);
  }
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  const measured = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    const script = (performance.getEntriesByType("resource") as PerformanceResourceTiming[]).filter(({ name }) => /embed|playground_/.test(name));
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return { loadMs: navigation?.loadEventEnd ?? 0, paintMs: paint?.startTime ?? 0, scripts: script.length, bytes: script.reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0) };
  });
  await context.close();
  return measured;
}

it(`a page with ${blocks} blocks loads about as fast as without the element`, async () => {
  const server = await serve(buildPages());
  const without: Measured[] = [];
  const withTag: Measured[] = [];
  try {
    for (let pair = -warmUps; pair < pairs; pair++) {
      // Each visit is a first one, and the pages take turns at being first.
      for (const isUpgraded of pair % 2 === 0 ? [false, true] : [true, false]) {
        const measured = await visit(addressOf(server) + (isUpgraded ? "with.html" : "index.html"), isUpgraded);
        if (pair >= 0) (isUpgraded ? withTag : without).push(measured);
      }
    }
  } finally {
    server.close();
  }
  const compare = (what: string, field: "loadMs" | "paintMs"): Slowdown => {
    const [quick, slow] = [without, withTag].map((visits) => visits.map((visit) => visit[field])) as [number[], number[]];
    const found = slowdown(quick, slow);
    tell(`${what}, ${pairs} pairs of first visits: ${median(quick).toFixed(0)} ms without, ${median(slow).toFixed(0)} ms with the tag; ratio ${found.ratio.toFixed(3)} (95 %: ${found.from.toFixed(3)} to ${found.to.toFixed(3)})`);
    return found;
  };
  const load = compare("load event", "loadMs");
  compare("first paint", "paintMs");
  tell(`the tag brings ${withTag[0]?.bytes} bytes, once`);
  expect(new Set(withTag.map(({ scripts }) => scripts))).toEqual(new Set([1]));
  expect(load.from).toBeLessThanOrEqual(slowdownMax);
}, 300_000);
