/** Starts the page's worker and gives it the engine: what the first run needs at once, the rest as soon as that has begun. */

import { compileFirst, compileRest } from "#engine-modules";
import type { EngineParts } from "./modules.ts";
import type { FromWorker } from "./protocol.ts";

/** What the worker is told beside the protocol. */
export type FromStarter = { readonly type: "parts"; readonly parts: EngineParts | null } | { readonly type: "rest"; readonly module: WebAssembly.Module };

/** From the engine's readiness to the fetch of its rest, in wall milliseconds. */
const restDelayWallMs = 1500;

export function startPageWorker(): Worker {
  const worker = new Worker(new URL("./page-worker.ts", import.meta.url), { type: "module" });
  const tell = (message: FromStarter): void => worker.postMessage(message);
  compileFirst().then(
    (parts) => tell({ type: "parts", parts }),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      worker.dispatchEvent(new ErrorEvent("error", { message, cancelable: true }));
    },
  );
  const begin = (event: MessageEvent<FromWorker>): void => {
    if (event.data.type !== "ready") return;
    worker.removeEventListener("message", begin);
    setTimeout(async () => {
      const module = await compileRest();
      if (module) tell({ type: "rest", module });
    }, restDelayWallMs);
  };
  worker.addEventListener("message", begin);
  return worker;
}
