/** What of the log a view shows: sorts of records that can be switched, and words. */

import type { FrameSummary } from "../packets/summary.ts";
import { sentence, type NameOf } from "./describe.ts";
import type { TraceLog } from "./log.ts";
import type { RecordKind, TraceRecord } from "./record.ts";

export type Category = "callbacks" | "calls" | "frames" | "background" | "sockets" | "names" | "output" | "silences" | "other";

/** The switches, in the order in which they are shown. */
export const categories: readonly { readonly id: Category; readonly title: string; readonly help: string }[] = [
  { id: "callbacks", title: "Callbacks", help: "Lua functions that the firmware called" },
  { id: "calls", title: "Calls", help: "Functions of the firmware that Lua called" },
  { id: "frames", title: "Frames", help: "Frames that carry something of a program's connections" },
  { id: "background", title: "Background frames", help: "Pure acknowledgments, ARP, DHCP and the like" },
  { id: "sockets", title: "Sockets", help: "Changes of a socket's state" },
  { id: "names", title: "Names and addresses", help: "DNS, DHCP, Wi-Fi and addresses" },
  { id: "output", title: "Output", help: "What boards and the PC printed" },
  { id: "silences", title: "Why nothing happened", help: "Things that a person may have expected and that did not happen" },
  { id: "other", title: "Other", help: "Boots, timers, pins, inputs" },
];

const categoryOfKind: Readonly<{ [kind in RecordKind]: Category }> = {
  address: "names",
  boot: "other",
  call: "calls",
  call_failed: "calls",
  callback: "callbacks",
  callback_end: "callbacks",
  console: "output",
  crash: "other",
  dhcp: "names",
  dns_answer: "names",
  dns_question: "names",
  frame_carried: "frames",
  frame_dropped: "frames",
  frame_sent: "frames",
  hint: "silences",
  input: "other",
  nothing: "silences",
  pin: "other",
  ping_end: "names",
  ping_sent: "names",
  socket: "sockets",
  timer_set: "other",
  uplink: "names",
  wifi: "names",
};

const backgroundProtocols: ReadonlySet<string> = new Set(["ARP", "DHCP", "IGMP", "NTP"]);

/** Whether a frame is chatter that a person seldom means: it carries nothing of a program's. */
export function isBackground(frame: FrameSummary): boolean {
  if (backgroundProtocols.has(frame.protocol)) return true;
  const { transport } = frame;
  return transport?.protocol === "tcp" && transport.payloadBytes === 0 && transport.flags === "ACK";
}

/** Whether a relay did not do what the lab wanted of it. */
export function isRefusedOutside(record: TraceRecord): boolean {
  return record.kind === "uplink" && ["refused", "reset", "dropped", "lost", "assumed"].includes(record.event);
}

export function categoryOf(record: TraceRecord, log: TraceLog): Category {
  if (isRefusedOutside(record)) return "silences";
  const category = categoryOfKind[record.kind];
  if (category !== "frames") return category;
  const frame = log.frameOf(record);
  // A frame that was sent before the log begins is the network's own: it announces its hosts before a lab starts.
  return !frame || isBackground(frame.summary) ? "background" : "frames";
}

export interface Filter {
  readonly categories: ReadonlySet<Category>;
  /** Words that must all occur, in any order. */
  readonly text: string;
}

export function matches(record: TraceRecord, filter: Filter, log: TraceLog, nameOf: NameOf): boolean {
  if (!filter.categories.has(categoryOf(record, log))) return false;
  if (filter.text.trim() === "") return true;
  const text = `${nameOf(record.host)} ${record.kind} ${sentence(record, log, nameOf)}`.toLowerCase();
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Items looked at before the page gets a chance to draw. */
const itemsPerUpdate = 8000;

/**
 * The records of a log that pass a test, kept up to date with work in proportion to what is new.
 */
export class FilteredList<Item> {
  #items: Item[] = [];
  #seen = 0;
  #generation = -1;
  #version = -1;

  get items(): readonly Item[] {
    return this.#items;
  }

  /**
   * Brings the list up to date with `source`; `version` counts up when the test has changed. Looks at some thousand items at most
   * and says whether that was all.
   */
  update(source: readonly Item[], generation: number, version: number, test: (item: Item) => boolean): boolean {
    if (generation !== this.#generation || version !== this.#version || source.length < this.#seen) {
      this.#items = [];
      this.#seen = 0;
      this.#generation = generation;
      this.#version = version;
    }
    const end = Math.min(source.length, this.#seen + itemsPerUpdate);
    for (; this.#seen < end; this.#seen++) {
      const item = source[this.#seen];
      if (item !== undefined && test(item)) this.#items.push(item);
    }
    return end === source.length;
  }
}
