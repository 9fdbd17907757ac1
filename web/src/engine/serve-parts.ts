/** The beginning of every worker. Its first message is the engine's first part; the rest comes when the page has it. */

import type { Engine } from "./engine.ts";
import type { EngineParts, FromStarter } from "./parts.ts";
import { serve } from "./worker.ts";

/** How a worker makes its engine of the parts. */
export interface Loader {
  loadEngine(parts: EngineParts | null): Engine;
  /** Keeps the rest of the engine for the moment when it is needed. */
  giveRest(module: WebAssembly.Module): void;
}

/** Serves the page that started this worker, with the engine that `loader` makes. */
export function serveParts(loader: Loader): void {
  const parts = new Promise<EngineParts | null>((resolve) => {
    self.addEventListener("message", (event: MessageEvent<FromStarter | { readonly type: "other" }>) => {
      if (event.data.type !== "parts" && event.data.type !== "rest") return;
      event.stopImmediatePropagation();
      if (event.data.type === "parts") resolve(event.data.parts);
      else loader.giveRest(event.data.module);
    });
  });
  serve(parts.then((found) => loader.loadEngine(found)));
}
