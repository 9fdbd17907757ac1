/** The page's worker. Its first message is the engine's first part; the rest comes when the page has it. */

import { giveRest, loadEngine } from "#engine";
import type { FromStarter } from "./start-worker.ts";
import { serve } from "./worker.ts";

const parts = new Promise<Extract<FromStarter, { type: "parts" }>>((resolve) => {
  self.addEventListener("message", (event: MessageEvent<FromStarter | { readonly type: "other" }>) => {
    if (event.data.type !== "parts" && event.data.type !== "rest") return;
    event.stopImmediatePropagation();
    if (event.data.type === "parts") resolve(event.data);
    else giveRest(event.data.module);
  });
});
serve(parts.then((message) => loadEngine(message.parts)));
