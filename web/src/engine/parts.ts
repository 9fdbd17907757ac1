/**
 * The engine's two parts on their way from a page to its workers.
 *
 * The first part holds what the first run of a lab needs; the rest is fetched when that runs. Both are compiled once for all workers of
 * a page, so a worker that replaces a stopped one starts at once.
 */

import type { FromWorker } from "./protocol.ts";

/** What a worker begins with. */
export interface EngineParts {
  readonly first: WebAssembly.Module;
  /** Where the rest is, for a worker that needs it before it was sent. */
  readonly restUrl: string;
  /** The rest as a script, where the page may not fetch from that address. */
  readonly restScript?: string;
}

/** Who has the parts. */
export interface PartsSource {
  /** What a run needs; `null` for an engine that is not made of modules. Rejects when it cannot be had, and can be called again. */
  first(): Promise<EngineParts | null>;
  /** Everything else; `null` when it cannot be had now. */
  rest(): Promise<WebAssembly.Module | null>;
}

/** What a worker is told beside the protocol. */
export type FromStarter = { readonly type: "parts"; readonly parts: EngineParts | null } | { readonly type: "rest"; readonly module: WebAssembly.Module };

/** From the engine's readiness to the fetch of its rest, in wall milliseconds. */
const restDelayWallMs = 1500;

/** Gives `worker` what the first run needs at once, and the rest as soon as that has begun. */
export function giveParts(worker: Worker, source: PartsSource): void {
  const tell = (message: FromStarter): void => worker.postMessage(message);
  source.first().then(
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
      const module = await source.rest();
      if (module) tell({ type: "rest", module });
    }, restDelayWallMs);
  };
  worker.addEventListener("message", begin);
}

/** `make`, whose first success all later calls share; after a failure the next call tries again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    }));
}

/** Compiles a part, while it arrives where the server names its type; servers that do not know it are no obstacle. */
export async function compile(response: Response): Promise<WebAssembly.Module> {
  const isTyped = /^application\/wasm\b/i.test(response.headers.get("content-type") ?? "");
  return isTyped ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
