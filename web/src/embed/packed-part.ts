/** A part of the engine inside a script: gzipped, in base64. The build writes these scripts (`web/build/embed.ts`). */

export type PartName = "first" | "rest";

declare global {
  /** What those scripts leave behind. */
  var nodemcuPlaygroundParts: { [Name in PartName]?: string } | undefined;
}

/** The gzipped part that its script has left, which is then forgotten. */
export function takePart(name: PartName): Uint8Array<ArrayBuffer> {
  const packed = globalThis.nodemcuPlaygroundParts?.[name];
  if (packed === undefined) throw new Error("a part of the engine is damaged");
  delete globalThis.nodemcuPlaygroundParts?.[name];
  return Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
}
