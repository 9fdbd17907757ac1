/** The engine's parts for all playgrounds of a page: each is fetched and compiled once, whatever site it comes from. */

import { compile, type EngineParts, once, type PartsSource } from "../engine/parts.ts";
import { type PartName, takePart } from "./packed-part.ts";

/** Where one part is. */
export interface PartAddress {
  /** The WebAssembly file. */
  readonly module: string;
  /** The same part as a script, for places whose files scripts may not fetch; absent where that cannot happen. */
  readonly script?: string;
}

export type EngineAddresses = { readonly [Name in PartName]: PartAddress };

/** The engine at `addresses`; `addScript` runs one of its scripts in the page. */
export function sharedEngine(addresses: EngineAddresses, addScript: (address: string) => Promise<void>): PartsSource {
  // What was refused for one part is refused for the other.
  let mayFetch = true;
  const load = async (name: PartName): Promise<WebAssembly.Module> => {
    const { module, script } = addresses[name];
    const response = mayFetch ? await fetch(module).catch(() => null) : null;
    if (response?.ok) return compile(response);
    if (script === undefined) throw new Error(`${module} did not load`);
    // Another site without permission to fetch from it, or a page opened from a disk: a script may come from there all the same.
    await addScript(script);
    mayFetch = false;
    const unpacked = new Response(new Blob([takePart(name)]).stream().pipeThrough(new DecompressionStream("gzip")));
    return WebAssembly.compile(await unpacked.arrayBuffer());
  };
  const first = once(() => load("first"));
  const rest = once(() => load("rest"));
  return {
    first: async (): Promise<EngineParts> => {
      const module = await first();
      const { module: restUrl, script } = addresses.rest;
      return { first: module, restUrl, ...(!mayFetch && script !== undefined && { restScript: script }) };
    },
    rest: () => rest().catch(() => null),
  };
}
