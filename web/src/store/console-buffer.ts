/**
 * A serial terminal's memory: lines with the virtual time of their first character, and the line that is not complete yet.
 *
 * Understands what the firmware sends: CR, LF, backspace. Lines have numbers that stay when the oldest are dropped.
 */

export interface ConsoleLine {
  readonly number: number;
  readonly atMs: number;
  readonly text: string;
  /** What the line is: the board's own words, or the page's remark about them. */
  readonly kind: "output" | "remark";
}

export class ConsoleBuffer {
  #lines: ConsoleLine[] = [];
  #open = "";
  #openAtMs = 0;
  #count = 0;
  #afterReturn = false;
  readonly #decoder = new TextDecoder();

  constructor(readonly linesMax = 5000) {}

  get lines(): readonly ConsoleLine[] {
    return this.#lines;
  }

  /** The incomplete last line: usually the prompt. */
  get open(): string {
    return this.#open;
  }

  get openAtMs(): number {
    return this.#openAtMs;
  }

  /** Lines completed so far, dropped ones included. */
  get count(): number {
    return this.#count;
  }

  write(bytes: Uint8Array, atMs: number): void {
    for (const character of this.#decoder.decode(bytes, { stream: true })) this.#put(character, atMs);
  }

  /** A remark of the page, on a line of its own. */
  remark(text: string, atMs: number): void {
    if (this.#open !== "") this.#end();
    this.#push({ number: 0, atMs, text, kind: "remark" });
  }

  /** Forgets everything but the open line. */
  clear(): void {
    this.#lines = [];
  }

  text(): string {
    return [...this.#lines.map((line) => line.text), this.#open].join("\n");
  }

  #put(character: string, atMs: number): void {
    // CR alone returns to the line's start, as terminals do; before LF it means nothing.
    if (this.#afterReturn && character !== "\n" && character !== "\r") this.#open = "";
    this.#afterReturn = character === "\r";
    if (character === "\r") return;
    if (this.#open === "") this.#openAtMs = atMs;
    if (character === "\n") this.#end();
    else if (character === "\b" || character === "\x7f") this.#open = this.#open.slice(0, -1);
    else if (character >= " " || character === "\t") this.#open += character;
    else this.#open += `\\${character.charCodeAt(0)}`;
  }

  #end(): void {
    this.#push({ number: 0, atMs: this.#openAtMs, text: this.#open, kind: "output" });
    this.#open = "";
  }

  #push(line: ConsoleLine): void {
    this.#lines.push({ ...line, number: ++this.#count });
    if (this.#lines.length > this.linesMax * 1.2) this.#lines = this.#lines.slice(-this.linesMax);
  }
}

/** A place in a program that a line of output names: `init.lua:3:`. */
export interface PlaceInText {
  readonly start: number;
  readonly end: number;
  readonly file: string;
  readonly line: number;
}

const placePattern = /([A-Za-z_@][\w./-]*\.(?:lua|lc)):(\d+)/g;

export function placesIn(text: string): readonly PlaceInText[] {
  return Array.from(text.matchAll(placePattern), (match) => ({
    start: match.index,
    end: match.index + match[0].length,
    file: (match[1] ?? "").replace(/^@/, ""),
    line: Number(match[2]),
  }));
}
