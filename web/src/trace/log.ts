/**
 * The page's copy of the causal log, indexed for the views: callbacks with their ends, frames with their fates, sockets with
 * their addresses, and what each record led to.
 *
 * `append` does work in proportion to the new records alone. The oldest records go when there are more than `recordsMax`; a view
 * that kept an index into a list notices by `generation`.
 */

import { SequenceNumbers } from "../packets/sequence.ts";
import { type FrameSummary, unknownSummary } from "../packets/summary.ts";
import { firstAboveBy } from "./time-scale.ts";
import type { Endpoint, Position, RecordKind, RecordOf, SocketState, TraceRecord } from "./record.ts";

/** A callback from when it became due to when it returned. */
export interface CallbackView {
  readonly id: number;
  readonly host: number;
  readonly socket: number | null;
  readonly event: string;
  readonly arguments: string;
  readonly position: Position | null;
  readonly cause: number | null;
  readonly dueAt: number;
  readonly startedAt: number;
  /** `null` while it runs. */
  endedAt: number | null;
  error: string | null;
  /** Calls of firmware functions made while it ran. */
  readonly calls: number[];
}

/** A frame from its sender to everyone it reached. */
export interface FrameView {
  readonly id: number;
  /** Place in the list of all frames, from 1; it stays when old frames go. */
  readonly number: number;
  readonly host: number;
  readonly socket: number | null;
  readonly cause: number | null;
  readonly sentAt: number;
  readonly length: number;
  readonly summary: FrameSummary;
  readonly arrivals: { readonly record: number; readonly host: number; readonly at: number }[];
  readonly drops: { readonly record: number; readonly host: number; readonly at: number; readonly reason: string }[];
  /** What a relay did not do with what it asked for, and why. */
  readonly refusals: string[];
}

/** A socket as far as its records tell. */
export interface SocketView {
  readonly host: number;
  readonly socket: number;
  readonly protocol: "tcp" | "udp";
  local: Endpoint | null;
  remote: Endpoint | null;
  state: SocketState;
  readonly firstAt: number;
  lastAt: number;
}



export class TraceLog {
  readonly #byId = new Map<number, TraceRecord>();
  readonly #byKind = new Map<RecordKind, TraceRecord[]>();
  readonly #effects = new Map<number, number[]>();
  readonly #callbackById = new Map<number, CallbackView>();
  readonly #frameById = new Map<number, FrameView>();
  readonly #sockets = new Map<string, SocketView>();
  readonly #sequences = new SequenceNumbers();
  #records: TraceRecord[] = [];
  #callbacks: CallbackView[] = [];
  #frames: FrameView[] = [];
  #frameCount = 0;
  #generation = 0;

  constructor(readonly recordsMax = 60_000) {}

  get records(): readonly TraceRecord[] {
    return this.#records;
  }

  get callbacks(): readonly CallbackView[] {
    return this.#callbacks;
  }

  get frames(): readonly FrameView[] {
    return this.#frames;
  }

  get sockets(): Iterable<SocketView> {
    return this.#sockets.values();
  }

  /** Counts up whenever records were removed. */
  get generation(): number {
    return this.#generation;
  }

  get(id: number): TraceRecord | undefined {
    return this.#byId.get(id);
  }

  callback(id: number): CallbackView | undefined {
    return this.#callbackById.get(id);
  }

  frame(id: number): FrameView | undefined {
    return this.#frameById.get(id);
  }

  socket(host: number, socket: number): SocketView | undefined {
    return this.#sockets.get(`${host}/${socket}`);
  }

  /** The frame that `record` speaks of: itself, or the one it carried or lost. */
  frameOf(record: TraceRecord): FrameView | undefined {
    if (record.kind === "frame_sent") return this.#frameById.get(record.id);
    if (record.kind === "frame_carried" || record.kind === "frame_dropped") return this.#frameById.get(record.frame);
    return undefined;
  }

  /** The newest `count` records of one kind, newest last. */
  last<K extends RecordKind>(kind: K, count: number): RecordOf<K>[] {
    return (this.#byKind.get(kind) ?? []).slice(-count) as RecordOf<K>[];
  }

  /** What `id` led to directly. */
  effects(id: number): readonly TraceRecord[] {
    return (this.#effects.get(id) ?? []).flatMap((effect) => this.#byId.get(effect) ?? []);
  }

  /** From `id` back along the causes, `id` first. A carried frame leads to the sent one, and that to the line that sent it. */
  chain(id: number): readonly TraceRecord[] {
    const chain: TraceRecord[] = [];
    const seen = new Set<number>();
    let next: number | null = id;
    while (next !== null && !seen.has(next)) {
      seen.add(next);
      const record = this.#byId.get(next);
      if (!record) break;
      chain.push(record);
      const isFate = record.kind === "frame_carried" || record.kind === "frame_dropped";
      next = isFate ? record.frame : record.cause;
    }
    return chain;
  }

  clear(): void {
    for (const map of [this.#byId, this.#byKind, this.#effects, this.#callbackById, this.#frameById, this.#sockets]) map.clear();
    this.#sequences.clear();
    this.#records = [];
    this.#callbacks = [];
    this.#frames = [];
    this.#frameCount = 0;
    this.#generation++;
  }

  /** Adds `records` in order; `frames` has a line for each `frame_sent` among them. */
  append(records: readonly TraceRecord[], frames: readonly FrameSummary[]): void {
    const summaries = new Map(frames.map((summary) => [summary.frame, summary]));
    for (const record of records) this.#add(record, summaries);
    if (this.#records.length > this.recordsMax) this.#forget(this.#records.length - Math.floor(this.recordsMax * 0.75));
  }

  #add(record: TraceRecord, summaries: ReadonlyMap<number, FrameSummary>): void {
    this.#records.push(record);
    this.#byId.set(record.id, record);
    const ofKind = this.#byKind.get(record.kind);
    if (ofKind) ofKind.push(record);
    else this.#byKind.set(record.kind, [record]);
    if (record.cause !== null) {
      const effects = this.#effects.get(record.cause);
      if (effects) effects.push(record.id);
      else this.#effects.set(record.cause, [record.id]);
    }
    switch (record.kind) {
      case "callback":
        this.#addCallback(record);
        break;
      case "callback_end": {
        const callback = this.#callbackById.get(record.callback);
        if (!callback) break;
        callback.endedAt = Math.max(record.at, callback.startedAt + record.ran);
        callback.error = record.error;
        break;
      }
      case "call":
        if (record.cause !== null) this.#callbackById.get(record.cause)?.calls.push(record.id);
        break;
      case "frame_sent":
        this.#addFrame(record, summaries.get(record.id) ?? unknownSummary(record.id, record.host, record.length));
        break;
      case "frame_carried":
        this.#frameById.get(record.frame)?.arrivals.push({ record: record.id, host: record.host, at: record.at });
        break;
      case "frame_dropped":
        this.#frameById.get(record.frame)?.drops.push({ record: record.id, host: record.host, at: record.at, reason: record.reason });
        break;
      case "uplink":
        if (record.event === "refused") this.#frameBehind(record)?.refusals.push(record.text);
        break;
      case "socket":
        this.#addSocket(record);
        break;
    }
  }

  /** The frame that led to `record`. */
  #frameBehind(record: TraceRecord): FrameView | undefined {
    for (let next: number | null = record.cause, steps = 0; next !== null && steps < 8; steps++) {
      const cause = this.#byId.get(next);
      if (!cause) return undefined;
      const frame = this.frameOf(cause);
      if (frame) return frame;
      next = cause.cause;
    }
    return undefined;
  }

  #addCallback(record: RecordOf<"callback">): void {
    const callback: CallbackView = {
      id: record.id,
      host: record.host,
      socket: record.socket,
      event: record.event,
      arguments: record.arguments,
      position: record.position,
      cause: record.cause,
      dueAt: record.due,
      startedAt: record.at,
      endedAt: null,
      error: null,
      calls: [],
    };
    this.#callbacks.push(callback);
    this.#callbackById.set(record.id, callback);
  }

  #addFrame(record: RecordOf<"frame_sent">, summary: FrameSummary): void {
    const frame: FrameView = {
      id: record.id,
      number: ++this.#frameCount,
      host: record.host,
      socket: record.socket,
      cause: record.cause,
      sentAt: record.at,
      length: record.length,
      summary: this.#sequences.relative(summary),
      arrivals: [],
      drops: [],
      refusals: [],
    };
    this.#frames.push(frame);
    this.#frameById.set(record.id, frame);
  }

  #addSocket(record: RecordOf<"socket">): void {
    const key = `${record.host}/${record.socket}`;
    const socket = this.#sockets.get(key);
    if (socket) {
      socket.local = record.local ?? socket.local;
      socket.remote = record.remote ?? socket.remote;
      socket.state = record.state;
      socket.lastAt = record.at;
      return;
    }
    const { host, protocol, local, remote, state, at } = record;
    this.#sockets.set(key, { host, socket: record.socket, protocol, local, remote, state, firstAt: at, lastAt: at });
  }

  /** Removes the `count` oldest records and what hangs on them. */
  #forget(count: number): void {
    const oldest = this.#records[count]?.id ?? 0;
    for (const record of this.#records.splice(0, count)) {
      this.#byId.delete(record.id);
      this.#effects.delete(record.id);
      this.#callbackById.delete(record.id);
      this.#frameById.delete(record.id);
    }
    for (const [kind, records] of this.#byKind) this.#byKind.set(kind, records.slice(firstAboveBy(records, oldest - 1, (record) => record.id)));
    this.#callbacks = this.#callbacks.filter((callback) => callback.id >= oldest);
    this.#frames = this.#frames.filter((frame) => frame.id >= oldest);
    this.#generation++;
  }
}
