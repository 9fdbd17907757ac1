/** Places as Lua counts them (one-based lines, one-based columns in bytes) as offsets in the editor's text. */

import type { Text } from "@codemirror/state";

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The range of `length` bytes from `line` and `column`; without a column, the line without its indentation. */
export function rangeAt(text: Text, line: number, column?: number, length?: number): Range {
  const found = text.line(Math.min(Math.max(1, line), text.lines));
  if (column === undefined) {
    const indent = found.text.length - found.text.trimStart().length;
    return { from: found.from + indent, to: found.to };
  }
  const start = indexOfByte(found.text, column - 1);
  const end = Math.max(start, indexOfByte(found.text, column - 1 + (length ?? 1)));
  if (start >= found.text.length && found.text.length > 0) return { from: found.to - 1, to: found.to };
  return { from: found.from + start, to: Math.min(found.to, found.from + Math.max(end, start + 1)) };
}

/** Index in `text` of the character at UTF-8 byte `byte`. */
export function indexOfByte(text: string, byte: number): number {
  let bytes = 0;
  for (let index = 0; index < text.length; ) {
    if (bytes >= byte) return index;
    const code = text.codePointAt(index) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    index += code > 0xffff ? 2 : 1;
  }
  return text.length;
}
