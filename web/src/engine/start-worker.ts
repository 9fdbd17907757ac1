/** Starts the page's worker. */

export function startPageWorker(): Worker {
  return new Worker(new URL("./page-worker.ts", import.meta.url), { type: "module" });
}
