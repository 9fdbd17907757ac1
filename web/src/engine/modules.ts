/**
 * Fetches and compiles the engine's two parts, once for all workers of the page: a worker that replaces a stopped one starts at once.
 *
 * The first part holds what the first run of a lab needs; the rest is fetched when that runs. They are compiled while they arrive,
 * where the server names their type.
 */

import firstUrl from "../../../pkg/playground_first.wasm?url";
import restUrl from "../../../pkg/playground_rest.wasm?url";

/** What a worker begins with. */
export interface EngineParts {
  readonly first: WebAssembly.Module;
  /** Where the rest is, for a worker that needs it before it was sent. */
  readonly restUrl: string;
}

let first: Promise<WebAssembly.Module> | null = null;
let rest: Promise<WebAssembly.Module> | null = null;

/** What a run needs; later calls give the same, unless the first failed. */
export async function compileFirst(): Promise<EngineParts | null> {
  first ??= compile(firstUrl);
  try {
    return { first: await first, restUrl: new URL(restUrl, import.meta.url).href };
  } catch (error) {
    first = null;
    throw error;
  }
}

/** Everything else; `null` when it cannot be had now. */
export async function compileRest(): Promise<WebAssembly.Module | null> {
  rest ??= compile(restUrl);
  try {
    return await rest;
  } catch {
    rest = null;
    return null;
  }
}

async function compile(url: string): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`a part of the engine is not there (status ${response.status})`);
  const isTyped = /^application\/wasm\b/i.test(response.headers.get("content-type") ?? "");
  return isTyped ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
