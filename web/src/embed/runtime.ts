/** The heavy part of an embedded playground: editor, views, and workers that share one compiled engine. */

import workerText from "virtual:embedded-worker";

import { giveParts, type PartsSource } from "../engine/parts.ts";
import type { Runtime } from "./delivery.ts";
import { mountPlayer } from "./player.ts";
import type { Trust } from "./trust.ts";

/** A runtime whose playgrounds run `engine`. */
export function createRuntime(engine: PartsSource, trust: Trust): Runtime {
  // A worker may start from a blob of one's own where it may not start from another site.
  const address = trust(URL.createObjectURL(new Blob([workerText], { type: "text/javascript" })));
  const startWorker = (): Worker => {
    const worker = new Worker(address);
    giveParts(worker, engine);
    return worker;
  };
  return { mount: (place) => mountPlayer(place, startWorker) };
}
