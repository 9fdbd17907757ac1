/** The element for bundlers: importing this defines `<nodemcu-playground>`; editor and engine are chunks that load with the first run. */

import { defineElement, deliverBy } from "../embed/element.ts";
import { sharedEngine } from "../embed/engine-parts.ts";
import { createTrust } from "../embed/trust.ts";
import { once } from "../engine/parts.ts";

export { elementName, PlaygroundElement } from "../embed/element.ts";
export type * from "../embed/interface.ts";
export { luaBlocks, upgrade, type UpgradeOptions } from "../embed/upgrade.ts";

/** The parts' addresses beside this file; the package's build writes the expressions that bundlers understand. */
declare const FIRST_ADDRESS: string;
declare const REST_ADDRESS: string;

export interface ElementOptions {
  /** Address of the playground's page, for the link “open in the playground”; without it there is no link. */
  readonly site?: string;
  /** Addresses of `playground_first.wasm` and `playground_rest.wasm`, where a bundler does not find them by itself. */
  readonly engine?: { readonly first: string; readonly rest: string };
}

let options: ElementOptions = {};

/** Sets what the element cannot know. To be called before elements are shown. */
export function configure(wanted: ElementOptions): void {
  options = wanted;
}

const load = once(async () => {
  const { first, rest } = options.engine ?? { first: FIRST_ADDRESS, rest: REST_ADDRESS };
  const engine = sharedEngine({ first: { module: first }, rest: { module: rest } }, async () => {});
  engine.first().catch(() => {});
  const { createRuntime } = await import("../embed/runtime.ts");
  return createRuntime(engine, createTrust());
});

deliverBy({
  get site() {
    return options.site ?? null;
  },
  load,
});
defineElement();
