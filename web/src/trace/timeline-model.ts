/**
 * What the timeline draws: lanes per host and socket, bars, marks and arrows, without a document.
 *
 * Sockets come and go; a connection that is closed gives its lane to the next one, so a server that has seen a thousand visitors
 * still fits on the screen. `update` does work in proportion to the new records.
 */

import type { Hosts } from "../store/hosts.ts";
import type { CallbackView, FrameView, TraceLog } from "./log.ts";
import { label } from "./describe.ts";
import { type Filter, isBackground, matches } from "./filter.ts";
import { type ScaleMode, TimeScale } from "./time-scale.ts";
import type { TraceRecord } from "./record.ts";

export interface Lane {
  readonly key: string;
  readonly host: number;
  /** `null` for the host's own lane: timers, tasks, Wi-Fi, everything without a socket. */
  readonly slot: number | null;
  readonly title: string;
  readonly items: Item[];
  /** Sockets that use the lane, with when they began. */
  readonly sockets: { readonly at: number; readonly socket: number }[];
}

/** A bar or a mark in a lane. */
export interface Item {
  readonly id: number;
  readonly at: number;
  readonly kind: "callback" | "call" | "mark";
  readonly label: string;
  readonly record: TraceRecord;
  readonly callback: CallbackView | null;
  /** The callback in whose bar a call is drawn. */
  readonly inside: CallbackView | null;
}

/** Records taken before the page gets a chance to draw. */
const recordsPerUpdate = 4000;

const closedStates: ReadonlySet<string> = new Set(["closed", "time_wait"]);
const hostOrder: readonly string[] = ["board", "pc", "router", "internet", "server", "outside"];

export class TimelineModel {
  scale: TimeScale;
  readonly frames: FrameView[] = [];
  #lanes = new Map<string, Lane>();
  #order: readonly Lane[] = [];
  #slots = new Map<string, string>();
  #slotUser = new Map<string, number>();
  #items: Item[] = [];
  #seen = 0;
  #generation = -1;
  #laneCount = 0;

  constructor(
    readonly log: TraceLog,
    readonly hosts: Hosts,
    public filter: Filter,
    mode: ScaleMode,
  ) {
    this.scale = new TimeScale(mode);
  }

  /** Lanes in the order of the screen. */
  get lanes(): readonly Lane[] {
    return this.#order;
  }

  /** All bars and marks in time's order, for stepping through them. */
  get items(): readonly Item[] {
    return this.#items;
  }

  /** Begins again: another filter, another scale, another run. */
  reset(filter: Filter = this.filter, mode: ScaleMode = this.scale.mode): void {
    this.filter = filter;
    this.scale = new TimeScale(mode);
    this.frames.length = 0;
    this.#lanes = new Map();
    this.#order = [];
    this.#slots = new Map();
    this.#slotUser = new Map();
    this.#items = [];
    this.#seen = 0;
    this.#generation = this.log.generation;
  }

  /** Whether records are left for the next update. */
  get isBehind(): boolean {
    return this.#seen < this.log.records.length;
  }

  /** Takes new records, some thousand at most; says whether anything was added. */
  update(): boolean {
    const { records, generation } = this.log;
    if (generation !== this.#generation) this.reset();
    const before = this.#seen;
    const end = Math.min(records.length, this.#seen + recordsPerUpdate);
    for (; this.#seen < end; this.#seen++) {
      const record = records[this.#seen];
      if (record) this.#add(record);
    }
    if (this.#lanes.size !== this.#laneCount || this.#seen !== before) this.#sort();
    return this.#seen !== before;
  }

  /** The lane of something on `host`, of `socket` if it has one. */
  laneOf(host: number, socket: number | null): Lane | undefined {
    return this.#lanes.get(this.#slots.get(`${host}/${socket}`) ?? `${host}`) ?? this.#lanes.get(`${host}`);
  }

  /** Where a frame's arrow ends: the lane of what the arrival led to. */
  arrivalLane(arrival: FrameView["arrivals"][number]): Lane | undefined {
    for (const effect of this.log.effects(arrival.record)) {
      if ("socket" in effect && typeof effect.socket === "number") return this.laneOf(arrival.host, effect.socket);
    }
    return this.laneOf(arrival.host, null);
  }

  #add(record: TraceRecord): void {
    const { log, hosts, filter } = this;
    if (record.kind === "callback_end") {
      // The end gives the bar its width.
      if (log.callback(record.callback) && filter.categories.has("callbacks")) this.scale.add(record.at);
      return;
    }
    if (!matches(record, filter, log, hosts.nameOf)) return;
    if (record.kind === "frame_sent") {
      const frame = log.frame(record.id);
      if (!frame || (!filter.categories.has("background") && isBackground(frame.summary))) return;
      this.scale.add(record.at);
      this.frames.push(frame);
      this.#lane(record.host, frame.socket);
      return;
    }
    if (record.kind === "frame_carried" || record.kind === "frame_dropped") {
      this.scale.add(record.at);
      this.#lane(record.host, null);
      return;
    }
    this.scale.add(record.at);
    const socket = "socket" in record ? record.socket : null;
    const inside = record.kind === "call" && record.cause !== null ? (log.callback(record.cause) ?? null) : null;
    const lane = this.#lane(record.host, inside ? inside.socket : socket);
    const kind = record.kind === "callback" ? "callback" : record.kind === "call" ? "call" : "mark";
    const item: Item = { id: record.id, at: record.at, kind, label: label(record), record, callback: log.callback(record.id) ?? null, inside };
    lane.items.push(item);
    this.#items.push(item);
  }

  #lane(host: number, socket: number | null): Lane {
    const base = this.#open(`${host}`, host, null);
    if (socket === null) return base;
    const known = this.#slots.get(`${host}/${socket}`);
    if (known !== undefined) return this.#lanes.get(known) ?? base;
    for (let slot = 0; ; slot++) {
      const key = `${host}:${slot}`;
      const user = this.#slotUser.get(key);
      if (user !== undefined && !this.#isOver(host, user)) continue;
      const lane = this.#open(key, host, slot);
      this.#slotUser.set(key, socket);
      this.#slots.set(`${host}/${socket}`, key);
      lane.sockets.push({ at: this.scale.lastTime, socket });
      return lane;
    }
  }

  #isOver(host: number, socket: number): boolean {
    const view = this.log.socket(host, socket);
    return view !== undefined && closedStates.has(view.state);
  }

  #open(key: string, host: number, slot: number | null): Lane {
    let lane = this.#lanes.get(key);
    if (!lane) {
      const name = this.hosts.nameOf(host);
      lane = { key, host, slot, title: slot === null ? name : `socket ${slot + 1}`, items: [], sockets: [] };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #sort(): void {
    this.#laneCount = this.#lanes.size;
    const rank = (lane: Lane): number => {
      const host = this.hosts.get(lane.host);
      const kind = host ? hostOrder.indexOf(host.kind) : hostOrder.length;
      return kind * 1e9 + lane.host * 1e4 + (lane.slot === null ? 0 : lane.slot + 1);
    };
    this.#order = [...this.#lanes.values()].sort((a, b) => rank(a) - rank(b));
  }
}

/** What a socket's stretch of a lane is called: `TCP 80 ↔ 192.168.1.50:49152`. */
export function socketTitle(log: TraceLog, host: number, socket: number): string {
  const view = log.socket(host, socket);
  if (!view) return `socket ${socket}`;
  const port = view.local && view.local.port > 0 ? ` ${view.local.port}` : "";
  const remote = view.remote && view.remote.port > 0 ? ` ↔ ${view.remote.ip}:${view.remote.port}` : view.state === "listen" ? " listens" : "";
  return `${view.protocol.toUpperCase()}${port}${remote}`;
}
