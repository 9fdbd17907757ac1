/** `#engine` is `load.ts`, `#engine-modules` is `modules.ts`; the page's own tests put a replayed run in their place (see `vite.config.ts`). */
declare module "#engine" {
  export const loadEngine: typeof import("./load.ts").loadEngine;
  export const giveRest: typeof import("./load.ts").giveRest;
}
declare module "#engine-modules" {
  export const compileFirst: typeof import("./modules.ts").compileFirst;
  export const compileRest: typeof import("./modules.ts").compileRest;
}
