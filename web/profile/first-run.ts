/**
 * Does what a visitor's first minutes do, in a module whose functions note that they were called, and prints the numbers of those that
 * were. The build keeps them in the part of the module that is fetched first (`crates/xtask/src/split.rs`).
 *
 * Run by the build with the path of that module. What is missing here still works in the page; it is only fetched a moment later.
 */

import { readFileSync } from "node:fs";

import * as pkg from "../../pkg/playground.js";
import { labOf as snippetLab } from "../src/embed/snippet.ts";
import { examples } from "../src/examples/all.ts";
import type { Lab } from "../src/engine/lab.ts";
import type { Report } from "../src/generated/Report.ts";

/** Virtual time that each lab gets, in milliseconds. */
const runMs = 12_000;
const stepMs = 250;
/** When a page draws its first map: the boards have hardly begun to boot. */
const firstMapMs = 10;

function run(lab: Lab): void {
  const simulation = new pkg.Playground(JSON.stringify(lab));
  simulation.advance(firstMapMs, 1000);
  simulation.map();
  for (let untilMs = stepMs; untilMs <= runMs; ) {
    const report = simulation.advance(untilMs, 1000) as Report;
    if (report.reached) untilMs += stepMs;
    simulation.map();
  }
  simulation.report();
  simulation.free();
}

/** A lab with one board that runs `program`. */
const labOf = (program: string): Lab => ({ version: 1, title: "Profile", boards: [{ name: "board", files: { "init.lua": program } }] });

const path = process.argv[2];
if (path === undefined) throw new Error("which module?");
const exports = pkg.initSync({ module: readFileSync(path) }) as unknown as { readonly [name: string]: WebAssembly.Global };

for (const { lab } of examples) run(lab);
// What a person tries first: something printed, and something wrong.
run(labOf('print("hello", 1.5, 2^31)\nfor i = 1, 3 do print(i) end\n'));
run(labOf("local t = nil\nprint(t.x)\n"));
run(labOf("print(= 1)\n"));
run(labOf("print(node.chipid(), node.heap(), net.ifinfo(0))\n"));
// What stands in somebody's document, as the element makes a lab of it.
const documented = 'net.createServer(30):listen(80, function(c) c:on("receive", print) c:send("hello") end)\nprint("listening on " .. net.ifinfo(0).ip)\n';
run(snippetLab({ title: "", code: documented, setup: "", files: [], profile: "", start: "auto", pc: "" }).lab);
pkg.api();
for (const source of ["local x = = 1\n", 'print("fine")\n']) pkg.check("init.lua", source, "5.1");

const seen = Object.entries(exports).flatMap(([name, value]) => (/^seen-/.test(name) && value.value === 1 ? [Number(name.slice(5))] : []));
process.stdout.write(`${seen.join("\n")}\n`);
