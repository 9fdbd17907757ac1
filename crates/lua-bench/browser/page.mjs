/**
 * Runs one program on every engine in this page, in turns, and returns the times.
 *
 * An engine is `{ name, load(source) }`; what `load` gives runs the program once and returns its number. An engine that
 * lacks a library for a program throws, and has no time for it.
 */

import initOwn, { Own } from "./build/own.js";
import initPiccolo, { PiccoloVm } from "./build/piccolo_vm.js";

/** One measurement runs a program as often as fits in about this time. */
const measurementMs = 25;

for (const [init, name] of [[initOwn, "own"], [initPiccolo, "piccolo_vm"]]) {
  await init({ module_or_path: new URL(`build/${name}_bg.wasm`, import.meta.url) });
}
const wasmoonFactory = new globalThis.wasmoon.LuaFactory(new URL("npm/wasmoon/dist/glue.wasm", import.meta.url).href);

const engines = [
  { name: "own 5.1", load: (source) => runner(new Own(source, false)) },
  { name: "own 5.3", load: (source) => runner(new Own(source, true)) },
  { name: "piccolo", load: (source) => runner(new PiccoloVm(source)) },
  { name: "fengari", load: (source) => globalThis.fengari.load(source) },
  { name: "wasmoon", load: async (source) => (await wasmoonFactory.createEngine()).doString(`return function() ${source}\nend`) },
];

const runner = (program) => () => program.run();
const pause = () => new Promise((done) => setTimeout(done, 0));

/** How often `run` fits into a measurement. */
function repetitions(run) {
  const begin = performance.now();
  let count = 0;
  do {
    run();
    count++;
  } while (performance.now() - begin < measurementMs);
  return count;
}

/** Per engine: its result and the milliseconds of one run in each round, or why it cannot run the program. */
globalThis.measure = async (source, rounds) => {
  const measured = [];
  for (const { name, load } of engines) {
    try {
      const run = await load(source);
      const result = run();
      measured.push({ name, result, times: [], run, count: repetitions(run) });
    } catch (error) {
      measured.push({ name, failure: String(error) });
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { run, count, times } of measured.filter((engine) => engine.failure === undefined)) {
      await pause();
      const begin = performance.now();
      for (let repetition = 0; repetition < count; repetition++) run();
      times.push((performance.now() - begin) / count);
    }
  }
  return measured.map(({ name, result, times, failure }) => ({ name, result, times, failure }));
};
globalThis.isReady = true;
