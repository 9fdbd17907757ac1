/** `#engine` is `load.ts`; the page's own tests put a replayed run in its place (see `vite.config.ts`). */
declare module "#engine" {
  export { loadEngine } from "./load.ts";
}
