/** Bytes as people read them: escaped text and hex rows. */

/** Bytes as text, one character a byte. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** `text` (one character a byte) with everything unprintable shown as Lua would write it. */
export function printable(text: string, lengthMax = Number.POSITIVE_INFINITY): string {
  let out = "";
  for (const character of text) {
    if (out.length >= lengthMax) return `${out}…`;
    const code = character.charCodeAt(0);
    if (character === "\r") out += "\\r";
    else if (character === "\n") out += "\\n";
    else if (character === "\t") out += "\\t";
    else if (code < 32 || (code > 126 && code < 161)) out += `\\${code}`;
    else out += character;
  }
  return out;
}

/** One row of a hex dump. */
export interface HexRow {
  readonly offset: number;
  readonly bytes: readonly { readonly index: number; readonly hex: string; readonly character: string }[];
}

export function hexRows(bytes: Uint8Array, width = 16): HexRow[] {
  const rows: HexRow[] = [];
  for (let offset = 0; offset < bytes.length; offset += width) {
    const row = Array.from(bytes.subarray(offset, offset + width), (byte, column) => ({
      index: offset + column,
      hex: byte.toString(16).padStart(2, "0"),
      character: byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·",
    }));
    rows.push({ offset, bytes: row });
  }
  return rows;
}

/** `1234` as `1.2 kB`. */
export function byteCount(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
