/** The engine's module for all playgrounds of a page: fetched and compiled once, shared by their workers. */

export interface EngineAddresses {
  /** The WebAssembly file. */
  readonly module: string;
  /** Loads the same module as a script, for places whose files scripts may not fetch; absent where that cannot happen. */
  readonly script?: () => Promise<void>;
}

declare global {
  /** What the module's script leaves behind: the module, gzipped, in base64. */
  var nodemcuPlaygroundModule: string | undefined;
}

/** The compiled module at `addresses`. */
export async function loadModule(addresses: EngineAddresses): Promise<WebAssembly.Module> {
  const response = await fetch(addresses.module).catch(() => null);
  if (response?.ok) return compile(response);
  if (!addresses.script) throw new Error(`${addresses.module} did not load`);
  // Another site without permission to fetch from it, or a page opened from a disk: a script may come from there all the same.
  await addresses.script();
  const packed = globalThis.nodemcuPlaygroundModule;
  if (packed === undefined) throw new Error(`${addresses.module} did not load`);
  globalThis.nodemcuPlaygroundModule = undefined;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const unpacked = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
  return WebAssembly.compile(await unpacked.arrayBuffer());
}

/** Servers that do not know the file's type are no obstacle. */
async function compile(response: Response): Promise<WebAssembly.Module> {
  if (response.headers.get("content-type") === "application/wasm") return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}
