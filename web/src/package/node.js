/** The engine in Node: the same glue, with the module read from the package instead of fetched. */

import { readFileSync } from "node:fs";

import { initSync } from "./playground.js";

export * from "./playground.js";

let instance = null;

/** Instantiates the engine; later calls give the same instance. */
export default async function init() {
  return (instance ??= initSync({ module: readFileSync(new URL("./playground_bg.wasm", import.meta.url)) }));
}
