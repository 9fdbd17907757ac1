/** The heavy part of an embedded playground: editor, views, and workers that share one compiled engine. */

import type { Runtime } from "./delivery.ts";
import { type EngineAddresses, loadModule } from "./engine-module.ts";
import { mountPlayer } from "./player.ts";
// Its text is part of this script: a worker may start from a blob of one's own where it may not start from another site.
import EmbeddedWorker from "./worker.ts?worker&inline";

/** A runtime whose playgrounds run the module at `engine`, which is fetched with the first of them. */
export function createRuntime(engine: EngineAddresses): Runtime {
  let module: Promise<WebAssembly.Module> | null = null;
  const compiled = (): Promise<WebAssembly.Module> =>
    (module ??= loadModule(engine).catch((error: unknown) => {
      module = null;
      throw error;
    }));
  return { mount: (place) => mountPlayer(place, () => startWorker(compiled())) };
}

/** Starts a worker; what is sent to it waits until the module, its first message, has been. */
function startWorker(module: Promise<WebAssembly.Module>): Worker {
  const worker = new EmbeddedWorker();
  const post = worker.postMessage.bind(worker);
  const held: unknown[] = [];
  worker.postMessage = (message: unknown) => void held.push(message);
  module.then(
    (compiled) => {
      worker.postMessage = post;
      for (const message of [compiled, ...held]) post(message);
    },
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      worker.dispatchEvent(new ErrorEvent("error", { message, cancelable: true }));
    },
  );
  return worker;
}
