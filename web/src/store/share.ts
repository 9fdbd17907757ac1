/**
 * Labs in links and files. A link carries the whole lab in its fragment, which browsers do not send to any server.
 *
 * Form: `#lab=` and, in base64url, the JSON compressed with raw deflate. For links written by hand there is `#lua=` and a program,
 * percent-encoded.
 */

import type { Lab } from "../engine/lab.ts";
import { labOf } from "../embed/snippet.ts";
import { isLab } from "./labs.ts";

/** Largest lab that a link or file may hold, in bytes of JSON: bounds what a hostile link makes us unpack. */
export const labBytesMax = 4_000_000;

/** A link or file that holds no lab. */
export class NotALab extends Error {
  override readonly name = "NotALab";
}

export async function toFragment(lab: Lab): Promise<string> {
  const json = new Blob([JSON.stringify(lab)]);
  const packed = await new Response(json.stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer();
  return `#lab=${toBase64Url(new Uint8Array(packed))}`;
}

/** The lab of a page's fragment; `null` when the fragment is about something else. */
export async function fromFragment(fragment: string): Promise<Lab | null> {
  const program = /^#lua=(.+)$/s.exec(fragment)?.[1];
  if (program !== undefined) return labOfProgram(program);
  const packed = /^#lab=([\w-]+)$/.exec(fragment)?.[1];
  if (packed === undefined) return null;
  return parseLab(await unpack(fromBase64Url(packed)));
}

function labOfProgram(encoded: string): Lab {
  try {
    return labOf({ title: "A program from a link", code: decodeURIComponent(encoded), setup: "", files: [], profile: "", start: "auto", pc: "" }).lab;
  } catch {
    throw new NotALab("The program in this link is damaged; was the link cut off?");
  }
}

/** Reads a lab from the text of a file. */
export function parseLab(json: string): Lab {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new NotALab("This is not a lab: the text is not JSON.");
  }
  if (!isLab(value)) throw new NotALab("This is JSON, but not a lab of version 1.");
  return value;
}

async function unpack(packed: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > labBytesMax) throw new NotALab("The lab in this link is too large.");
      parts.push(value as Uint8Array<ArrayBuffer>);
    }
  } catch (error) {
    if (error instanceof NotALab) throw error;
    throw new NotALab("The lab in this link is damaged; was the link cut off?");
  }
  return new Blob(parts).text();
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  } catch {
    throw new NotALab("The lab in this link is damaged; was the link cut off?");
  }
}
