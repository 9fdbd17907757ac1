/** Runs the measurements when it is told which are wanted, and posts their lines. */

import init, { run } from "./build/sim_bench.js";

await init({ module_or_path: new URL("build/sim_bench_bg.wasm", import.meta.url) });
globalThis.onmessage = ({ data: wanted }) => {
  run(() => performance.now(), (line) => postMessage({ line }), wanted);
  postMessage({ isDone: true });
};
postMessage({ isReady: true });
