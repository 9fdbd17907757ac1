/** How the debugger names places and functions. */

import type { CallLevel } from "../generated/CallLevel.ts";
import type { Position } from "../generated/Position.ts";

export function placeText({ file, line }: Position): string {
  return `${file}:${line}`;
}

/** The function of a call, as it stands in a sentence. */
export function functionText({ function: name }: CallLevel): string {
  return name === "main chunk" ? "the main chunk" : /^function at line /.test(name) ? `the ${name}` : name;
}
