/** Variables of a stopped program: finding one by the name in the text, and showing it on hover. */

import type { CallLevel } from "../generated/CallLevel.ts";
import type { Variable } from "../generated/Variable.ts";

/** Fields of a table that a tooltip shows; the debugger's pane has all. */
const fieldsMax = 8;

/** The variable that `path` (`count`, `config.port`) means in `call`: locals hide those of enclosing functions and global ones, inner ones outer ones. */
export function variableNamed(call: CallLevel, globals: readonly Variable[], path: string): Variable | null {
  const [first, ...rest] = path.split(".");
  const isNamed = (variable: Variable): boolean => variable.name === first;
  let found = call.locals.findLast(isNamed) ?? call.upvalues.find(isNamed) ?? globals.find(isNamed);
  for (const name of rest) found = found?.fields.find((field) => field.name === name);
  return found ?? null;
}

/** What a tooltip shows of a variable. */
export function valueDom(name: string, variable: Variable): HTMLElement {
  const dom = document.createElement("div");
  dom.className = "value-tip";
  const head = document.createElement("code");
  head.textContent = `${name} = ${variable.text}`;
  dom.append(head);
  for (const field of variable.fields.slice(0, fieldsMax)) {
    const line = document.createElement("code");
    line.className = "value-field";
    line.textContent = `${field.name} = ${field.text}`;
    dom.append(line);
  }
  if (variable.fields.length > fieldsMax) dom.append(`and ${variable.fields.length - fieldsMax} more`);
  return dom;
}
