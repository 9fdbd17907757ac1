/** Where the page's worker has its engine from: parts that the page has compiled. */

import type { Engine } from "./engine.ts";
import type { EngineParts } from "./modules.ts";
import { createDividedEngine } from "./wasm.ts";

let rest: WebAssembly.Module | null = null;

/** Makes the engine; its rest is what [`giveRest`] brought by the time it is needed, or fetched then. */
export function loadEngine(parts: EngineParts | null): Engine {
  if (!parts) throw new Error("the engine's parts are missing");
  return createDividedEngine(parts.first, () => rest ?? new WebAssembly.Module(fetchNow(parts.restUrl)));
}

/** Keeps the rest of the engine for the moment when it is needed. */
export function giveRest(module: WebAssembly.Module): void {
  rest = module;
}

/** Waits for the answer, which only a worker may do. */
function fetchNow(url: string): ArrayBuffer {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) throw new Error(`a part of the engine could not be loaded (status ${request.status})`);
  return request.response as ArrayBuffer;
}
