/** Makes a worker's engine of parts that the page has compiled. */

import type { Engine } from "./engine.ts";
import type { EngineParts } from "./parts.ts";
import { createDividedEngine } from "./wasm.ts";

let rest: WebAssembly.Module | null = null;

/** Makes the engine; its rest is what [`giveRest`] brought by the time it is needed, or what `loadNow` gives then. */
export function loadEngine(parts: EngineParts | null, loadNow: (parts: EngineParts) => BufferSource = fetchNow): Engine {
  if (!parts) throw new Error("the engine's parts are missing");
  return createDividedEngine(parts.first, () => rest ?? new WebAssembly.Module(loadNow(parts)));
}

/** Keeps the rest of the engine for the moment when it is needed. */
export function giveRest(module: WebAssembly.Module): void {
  rest = module;
}

/** Fetches the rest and waits for it, which only a worker may do. */
export function fetchNow({ restUrl }: EngineParts): ArrayBuffer {
  const request = new XMLHttpRequest();
  request.open("GET", restUrl, false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) throw new Error(`a part of the engine could not be loaded (status ${request.status})`);
  return request.response as ArrayBuffer;
}
