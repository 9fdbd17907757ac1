/** What Lighthouse thinks of the built site, as a visitor on a desktop meets it. */

import { createServer } from "node:net";

import lighthouse, { desktopConfig } from "lighthouse";
import { expect, it } from "vitest";

import { Harness, launchChromium } from "./harness.ts";

const categories = ["performance", "accessibility", "best-practices"] as const;
const scoreMin = 0.95;
/** A busy machine only ever lowers the score for speed, so the best of several visits counts. */
const visitsMax = 4;

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

interface Visit {
  readonly scores: readonly (readonly [string, number])[];
  /** What is not as Lighthouse wants it, a line each. */
  readonly faults: string;
}

const worst = (visit: Visit): number => Math.min(...visit.scores.map(([, score]) => score));

async function visit(url: string, port: number): Promise<Visit> {
  const result = await lighthouse(url, { port, onlyCategories: [...categories], logLevel: "error" }, desktopConfig);
  const faults = Object.values(result?.lhr.audits ?? {}).filter((audit) => audit.score !== null && audit.score < 0.9);
  return {
    scores: Object.entries(result?.lhr.categories ?? {}).map(([name, category]) => [name, category.score ?? 0]),
    faults: faults.map((audit) => `${audit.id}: ${audit.title} ${audit.displayValue ?? ""}`).join("\n"),
  };
}

it("gives the built site 95 of 100 and more", async () => {
  const harness = await Harness.start("real");
  const port = await freePort();
  const browser = await launchChromium(`--remote-debugging-port=${port}`);
  try {
    let best = await visit(harness.url, port);
    for (let count = 1; count < visitsMax && worst(best) < scoreMin; count++) {
      const next = await visit(harness.url, port);
      if (worst(next) > worst(best)) best = next;
    }
    process.stdout.write(`    ${best.scores.map(([name, score]) => `${name} ${Math.round(score * 100)}`).join(", ")}\n`);
    expect(best.scores.map(([name]) => name)).toEqual([...categories]);
    for (const [name, score] of best.scores) expect(score, `${name}\n${best.faults}`).toBeGreaterThanOrEqual(scoreMin);
  } finally {
    await browser.close();
    await harness.stop();
  }
}, 240_000);
