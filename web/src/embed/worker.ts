/** The worker of an embedded playground: its first message is the compiled module, everything after it is the protocol. */

import { createEngine } from "../engine/wasm.ts";
import { serve } from "../engine/worker.ts";

self.addEventListener("message", (event: MessageEvent<WebAssembly.Module>) => serve(Promise.resolve(event.data).then(createEngine)), { once: true });
