/** The causal log's records. The declarations are generated from `crates/trace`; times are virtual microseconds. */

import type { Kind } from "../generated/Kind.ts";
import type { Record as GeneratedRecord } from "../generated/Record.ts";

export type { Endpoint } from "../generated/Endpoint.ts";
export type { Position } from "../generated/Position.ts";
export type { SocketState } from "../generated/SocketState.ts";

/** One thing that happened. (Not called `Record`, which TypeScript has for something else.) */
export type TraceRecord = GeneratedRecord;
export type RecordKind = Kind["kind"];
/** A record of one kind. */
export type RecordOf<K extends RecordKind> = Extract<TraceRecord, { kind: K }>;
