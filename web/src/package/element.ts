/** The element for bundlers: importing this defines `<nodemcu-playground>`; editor and engine are chunks that load with the first run. */

import { defineElement, deliverBy } from "../embed/element.ts";

export { elementName, PlaygroundElement } from "../embed/element.ts";
export type * from "../embed/interface.ts";
export { luaBlocks, upgrade, type UpgradeOptions } from "../embed/upgrade.ts";

/** The module's address beside this file; the package's build writes the expression that bundlers understand. */
declare const ENGINE_ADDRESS: string;

export interface ElementOptions {
  /** Address of the playground's page, for the link “open in the playground”; without it there is no link. */
  readonly site?: string;
  /** Address of `playground_bg.wasm`, where a bundler does not find it by itself. */
  readonly engine?: string;
}

let options: ElementOptions = {};

/** Sets what the element cannot know. To be called before elements are shown. */
export function configure(wanted: ElementOptions): void {
  options = wanted;
}

deliverBy({
  get site() {
    return options.site ?? null;
  },
  load: async () => {
    const { createRuntime } = await import("../embed/runtime.ts");
    return (runtime ??= createRuntime({ module: options.engine ?? ENGINE_ADDRESS }));
  },
});
let runtime: ReturnType<typeof import("../embed/runtime.ts").createRuntime> | null = null;

defineElement();
