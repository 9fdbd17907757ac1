/** Where the page's worker has its engine from: the module's file, beside the page's scripts. */

import moduleUrl from "../../../pkg/playground_bg.wasm?url";

import type { Engine } from "./engine.ts";
import { createEngine } from "./wasm.ts";

let loaded: Promise<Engine> | null = null;

/** Loads the engine; later calls give the same one. */
export function loadEngine(): Promise<Engine> {
  return (loaded ??= createEngine(moduleUrl));
}
