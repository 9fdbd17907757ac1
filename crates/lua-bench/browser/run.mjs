/**
 * Compares Lua engines in Chromium: ours, piccolo's own machine, fengari and wasmoon, in one page.
 *
 * `node run.mjs BUILD [PROGRAM ...]`, where BUILD holds the two engines that `cargo xtask bench lua` compiles. Prints the
 * medians, their ratios and whether the goals are met; fails if two engines disagree about a result.
 */

import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

import { inChromium, tell } from "./chromium.mjs";

const [build, ...wanted] = process.argv.slice(2);
const here = import.meta.dirname;
const rounds = 11;
const goals = { fengari: 3, wasmoon: 2.5, gzippedBytes: 200_000 };

const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
const mean = (ratios) => Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
const verdict = (offenders) => (offenders.length === 0 ? "met" : `missed by ${offenders.join(", ")}`);

const folders = { own: here, npm: join(here, "node_modules"), build: resolve(build) };
process.exitCode = (await inChromium(folders, compare)) ? 0 : 1;

async function compare(page, browser) {
  tell(`Chromium ${browser.version()}; milliseconds for one run, median of ${rounds} interleaved rounds;`);
  tell("in brackets how many times as fast ours is (slower of 5.1 and 5.3)");
  tell(`${"program".padEnd(12)}${"5.1".padStart(8)}${"5.3".padStart(8)}${["piccolo", "fengari", "wasmoon"].map((name) => name.padStart(18)).join("")}`);
  const ratios = { piccolo: [], fengari: [], wasmoon: [] };
  const wrong = [];
  const folder = join(here, "../programs");
  for (const name of readdirSync(folder).map((file) => basename(file, ".lua")).filter((name) => wanted.length === 0 || wanted.includes(name))) {
    const source = readFileSync(join(folder, `${name}.lua`), "utf8");
    const engines = await page.evaluate(([text, count]) => globalThis.measure(text, count), [source, rounds]);
    const time = Object.fromEntries(engines.map((engine) => [engine.name, engine.failure === undefined ? median(engine.times) : undefined]));
    for (const engine of engines.filter(({ name: engineName, failure }) => failure !== undefined && engineName !== "piccolo")) {
      throw new Error(`${name} on ${engine.name}: ${engine.failure}`);
    }
    wrong.push(...engines.filter(({ failure, result }) => failure === undefined && result !== engines[0].result).map((engine) => `${name} (${engine.name})`));
    const own = Math.max(time["own 5.1"], time["own 5.3"]);
    const columns = Object.keys(ratios).map((peer) => {
      if (time[peer] === undefined) return "-".padStart(18);
      ratios[peer].push({ name, ratio: time[peer] / own });
      return `${time[peer].toFixed(2).padStart(9)}${`(${(time[peer] / own).toFixed(2)}x)`.padStart(9)}`;
    });
    tell(`${name.padEnd(12)}${time["own 5.1"].toFixed(2).padStart(8)}${time["own 5.3"].toFixed(2).padStart(8)}${columns.join("")}`);
  }
  const below = (peer, factor) => ratios[peer].filter(({ ratio }) => ratio < factor).map(({ name }) => name);
  const means = Object.fromEntries(Object.entries(ratios).map(([peer, list]) => [peer, mean(list.map(({ ratio }) => ratio))]));
  tell(`geometric mean: ${Object.entries(means).map(([peer, ratio]) => `${ratio.toFixed(2)}x ${peer}`).join(", ")}`);
  tell(`no program slower than piccolo's VM: ${verdict(below("piccolo", 1))}`);
  tell(`every program at least ${goals.fengari}x as fast as fengari: ${verdict(below("fengari", goals.fengari))}`);
  tell(`geometric mean within ${goals.wasmoon}x of wasmoon: ${verdict(1 / means.wasmoon <= goals.wasmoon ? [] : [`${(1 / means.wasmoon).toFixed(2)}x`])}`);
  const bytes = gzipSync(readFileSync(join(build, "own_bg.wasm")), { level: 9 }).length;
  tell(`engine with all libraries, gzipped: ${bytes} bytes; below ${goals.gzippedBytes}: ${verdict(bytes < goals.gzippedBytes ? [] : [`${bytes - goals.gzippedBytes} bytes`])}`);
  tell(`equal results on all engines: ${verdict(wrong)}`);
  return wrong.length === 0;
}
