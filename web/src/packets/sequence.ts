/**
 * Sequence and acknowledgement numbers as packet analysers show them: counted from the first of each side, which has 0 for its SYN.
 *
 * The engine's lines have the numbers that are on the wire, and so have a frame's details. A conversation whose begin was not seen
 * counts its first byte as 1.
 */

import type { FrameSummary } from "./summary.ts";

/** Conversations whose first numbers are remembered; the oldest are forgotten first. */
const sidesMax = 20_000;

const numbers = /\[([A-Z, ]+)\] Seq=(\d+)(?: Ack=(\d+))?/;

export class SequenceNumbers {
  /** The number on the wire that is shown as 0, by sender and receiver. */
  readonly #zero = new Map<string, number>();

  /** The frame's line with relative numbers; frames are to be given in the order in which they were sent. */
  relative(summary: FrameSummary): FrameSummary {
    const { source, destination, transport } = summary;
    const found = transport?.protocol === "tcp" ? numbers.exec(summary.summary) : null;
    if (!transport || !found) return summary;
    const [all, flags = "", seq = "", ack] = found;
    const [from, to] = [`${source}:${transport.sourcePort}`, `${destination}:${transport.destinationPort}`];
    const sequence = this.#count(`${from} ${to}`, Number(seq), flags.includes("SYN"));
    const acknowledgement = ack === undefined ? "" : ` Ack=${this.#count(`${to} ${from}`, Number(ack), false)}`;
    return { ...summary, summary: summary.summary.replace(all, `[${flags}] Seq=${sequence}${acknowledgement}`) };
  }

  clear(): void {
    this.#zero.clear();
  }

  #count(side: string, number: number, isFirst: boolean): number {
    if (isFirst || !this.#zero.has(side)) this.#zero.set(side, isFirst ? number : number - 1);
    if (this.#zero.size > sidesMax) this.#zero.delete(this.#zero.keys().next().value ?? "");
    // The numbers of the wire begin again after 2^32.
    return (number - (this.#zero.get(side) ?? 0)) >>> 0;
  }
}
