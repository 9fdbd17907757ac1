/** Where the page has the engine's parts from: files beside its script. */

import firstUrl from "../../../pkg/playground_first.wasm?url";
import restUrl from "../../../pkg/playground_rest.wasm?url";

import { compile, type EngineParts, once } from "./parts.ts";

const first = once(() => load(firstUrl));
const rest = once(() => load(restUrl));

/** As `PartsSource.first`. */
export async function compileFirst(): Promise<EngineParts | null> {
  return { first: await first(), restUrl: new URL(restUrl, import.meta.url).href };
}

/** As `PartsSource.rest`. */
export function compileRest(): Promise<WebAssembly.Module | null> {
  return rest().catch(() => null);
}

async function load(url: string): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`a part of the engine is not there (status ${response.status})`);
  return compile(response);
}
