/**
 * The messages between the page and its worker.
 *
 * The page pulls: it asks for a batch once per animation frame, and the worker answers when there is something to tell. A `query`
 * has one `answer` with the same number. Everything of an older run is dropped by its number.
 */

import type { ApiEntry } from "../generated/ApiEntry.ts";
import type { CompileError } from "../generated/CompileError.ts";
import type { FileView } from "../generated/FileView.ts";
import type { FrameView } from "../generated/FrameView.ts";
import type { NetworkMap } from "../generated/NetworkMap.ts";
import type { FromHub } from "../generated/FromHub.ts";
import type { ToHub } from "../generated/ToHub.ts";
import type { Report } from "../generated/Report.ts";
import type { Resume } from "../generated/Resume.ts";
import type { StepTarget } from "../generated/StepTarget.ts";
import type { Stream } from "../generated/Stream.ts";
import type { LuaVersion } from "./engine.ts";
import type { UplinkView } from "../generated/UplinkView.ts";
import type { Input, Lab } from "./lab.ts";
import type { RoomJoin, RoomLink } from "./room.ts";
import type { RelayWish } from "./relay.ts";

/** What a query asks, and what its answer carries. */
export interface Queries {
  readonly api: { readonly ask: Record<never, never>; readonly answer: readonly ApiEntry[] };
  readonly check: { readonly ask: { readonly file: string; readonly source: string; readonly lua: LuaVersion }; readonly answer: readonly CompileError[] };
  readonly files: { readonly ask: { readonly host: number }; readonly answer: readonly FileView[] };
  readonly frame: { readonly ask: { readonly id: number }; readonly answer: FrameView | null };
  readonly lab: { readonly ask: Record<never, never>; readonly answer: Lab };
  readonly pcapng: { readonly ask: { readonly frames: readonly number[] | null }; readonly answer: Uint8Array };
  readonly stream: { readonly ask: { readonly frame: number }; readonly answer: Stream | null };
}

export type QueryName = keyof Queries;

/** Where the programs of a board stop: lines (from 1) of one file. */
export interface FileBreakpoints {
  readonly board: string;
  readonly file: string;
  readonly lines: readonly number[];
}

/** From the page. */
export type ToWorker =
  | { readonly type: "start"; readonly run: number; readonly lab: Lab; readonly speed: number; readonly paused: boolean; readonly breakpoints: readonly FileBreakpoints[] }
  | { readonly type: "stop" }
  | { readonly type: "pull"; readonly wantsMap: boolean }
  | { readonly type: "paused"; readonly paused: boolean }
  | { readonly type: "speed"; readonly speed: number }
  | { readonly type: "step"; readonly target: StepTarget }
  | { readonly type: "input"; readonly input: Input }
  | { readonly type: "breakpoints"; readonly breakpoints: FileBreakpoints }
  /** A board's program is to stop before its next line. */
  | { readonly type: "pauseProgram"; readonly board: string }
  /** The stopped program is to go on. */
  | { readonly type: "resume"; readonly how: Resume }
  /** Takes part in a room from the next start on; `null` leaves it. */
  | { readonly type: "room"; readonly join: RoomJoin | null }
  | { readonly type: "tell"; readonly message: ToHub }
  /** Leads this run and those after it to the real network; `null` gives that up. */
  | { readonly type: "relay"; readonly wish: RelayWish | null }
  | { readonly type: "query"; readonly number: number; readonly name: QueryName; readonly ask: unknown };

/** One animation frame's worth of news. */
export interface Batch {
  readonly run: number;
  readonly report: Report;
  /** Sent while somebody looks at the map, and after inputs that change it. */
  readonly map: NetworkMap | null;
  /** How the way to the real network stands; `null` without one. */
  readonly uplink: UplinkView | null;
  /** Share of wall time that the engine needs to keep up, 1 for all of it. */
  readonly load: number;
}

/** From the worker. */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "batch"; readonly batch: Batch }
  | { readonly type: "answer"; readonly number: number; readonly value: unknown }
  | { readonly type: "failed"; readonly number: number; readonly message: string }
  | { readonly type: "stopped" }
  | { readonly type: "roomLink"; readonly link: RoomLink }
  | { readonly type: "roomMessage"; readonly message: FromHub }
  /** Something a person did cannot be done; the run goes on. */
  | { readonly type: "inputRefused"; readonly run: number; readonly input: Input; readonly message: string }
  /** The lab was refused. */
  | { readonly type: "refused"; readonly run: number; readonly message: string }
  /** The engine is broken; the worker does nothing more. */
  | { readonly type: "crashed"; readonly message: string };
