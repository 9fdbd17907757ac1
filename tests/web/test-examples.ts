/** Every example of the gallery runs in the engine itself, without a browser: it prints, and breaks only where breaking is the point. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { beforeAll, describe, expect, it } from "vitest";

import * as pkg from "../../pkg/playground.js";
import { examples } from "../../web/src/examples/all.ts";
import type { Report } from "../../web/src/generated/Report.ts";

/** Virtual time that each example gets. */
const runMs = 20_000;
/** Examples whose point is an error. */
const failing: readonly string[] = ["error"];
/** Examples that print nothing by design. */
const silent: readonly string[] = ["blink", "manual-create-server", "manual-ttl"];

beforeAll(() => {
  pkg.initSync({ module: readFileSync(resolve(import.meta.dirname, "../../pkg/playground_bg.wasm")) });
});

/** Runs a lab; gives what each host printed after the firmware's own lines, and the records. */
function run(lab: object): { readonly text: string; readonly records: Report["records"] } {
  const simulation = new pkg.Playground(JSON.stringify(lab));
  const records: Report["records"] = [];
  let text = "";
  for (let nowMs = 0; nowMs < runMs; ) {
    const report = simulation.advance(Math.min(runMs, nowMs + 500), 2000) as Report;
    nowMs = report.nowMs;
    records.push(...report.records);
    for (const { bytes } of report.consoles) text += new TextDecoder().decode(bytes);
  }
  simulation.free();
  return { text, records };
}

describe("the example", () => {
  for (const { id, lab } of examples) {
    it(id, () => {
      const { text, records } = run(lab);
      const own = text.split(/\r?\n/).filter((line) => !/^(\s|NodeMCU|> $|$)/.test(line));
      if (process.env["EXAMPLE_OUTPUT"] !== undefined) process.stdout.write(`--- ${id}\n${own.slice(0, 14).join("\n")}\n`);
      if (!silent.includes(id)) expect(own.length, text).toBeGreaterThan(0);
      const crashes = records.filter((record) => record.kind === "crash" || (record.kind === "callback_end" && record.error !== null));
      if (failing.includes(id)) expect(crashes.length).toBeGreaterThan(0);
      else {
        expect(crashes).toEqual([]);
        expect(text).not.toMatch(/Lua error|PANIC/);
      }
    });
  }
});
