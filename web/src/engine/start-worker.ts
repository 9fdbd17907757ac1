/** Starts the page's worker. */

import { compileFirst, compileRest } from "#engine-modules";
import { giveParts } from "./parts.ts";

export function startPageWorker(): Worker {
  const worker = new Worker(new URL("./page-worker.ts", import.meta.url), { type: "module" });
  giveParts(worker, { first: compileFirst, rest: compileRest });
  return worker;
}
