/** The engine in two parts, as the page loads it: the first example runs without the second, and what needs both works. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { beforeAll, expect, it } from "vitest";

import * as pkg from "../../pkg/playground.js";
import { firstExample } from "../../web/src/examples/first.ts";
import type { Report } from "../../web/src/generated/Report.ts";

const part = (name: string): Uint8Array<ArrayBuffer> => Uint8Array.from(readFileSync(resolve(import.meta.dirname, `../../pkg/playground_${name}.wasm`)));

let timesLoaded = 0;

beforeAll(() => {
  const first = pkg.initSync({ module: part("first") }) as unknown as WebAssembly.Exports;
  Object.assign(globalThis, {
    playgroundRest: () => {
      timesLoaded++;
      new WebAssembly.Instance(new WebAssembly.Module(part("rest")), { first });
    },
  });
});

it("runs the first example and checks a program with the first part alone", () => {
  const simulation = new pkg.Playground(JSON.stringify(firstExample.lab));
  let text = "";
  for (let nowMs = 0; nowMs < 8000; ) {
    const report = simulation.advance(nowMs + 500, 1000) as Report;
    nowMs = report.nowMs;
    for (const { bytes } of report.consoles) text += new TextDecoder().decode(bytes);
  }
  simulation.map();
  expect(pkg.check("init.lua", "local x = = 1", "5.1")).toHaveLength(1);
  expect(pkg.api()).not.toHaveLength(0);
  expect(text).toMatch(/NodeMCU/);
  expect(timesLoaded).toBe(0);
  simulation.free();
});

it("fetches the second part once, when something needs it", () => {
  const simulation = new pkg.Playground(JSON.stringify(firstExample.lab));
  simulation.advance(8000, 10_000);
  const capture = simulation.pcapng();
  expect([...capture.slice(0, 4)]).toEqual([0x0a, 0x0d, 0x0d, 0x0a]);
  expect(timesLoaded).toBe(1);
  simulation.input({ type: "pcCommand", line: "traceroute www.nodemcu.com" });
  const report = simulation.advance(20_000, 10_000) as Report;
  expect(report.records.length).toBeGreaterThan(10);
  expect(timesLoaded).toBe(1);
  simulation.free();
});
