/**
 * What the worker needs of an engine. `wasm.ts` gives it over `pkg/`; the page's tests give a replayed run.
 *
 * Everything is synchronous and returns soon: `advance` stops by itself when its wall time is spent.
 */

import type { ApiEntry } from "../generated/ApiEntry.ts";
import type { CompileError } from "../generated/CompileError.ts";
import type { FileView } from "../generated/FileView.ts";
import type { FrameView } from "../generated/FrameView.ts";
import type { NetworkMap } from "../generated/NetworkMap.ts";
import type { Report } from "../generated/Report.ts";
import type { Membership } from "../generated/Membership.ts";
import type { Resume } from "../generated/Resume.ts";
import type { RoomHost } from "../generated/RoomHost.ts";
import type { RoomLease } from "../generated/RoomLease.ts";
import type { StepTarget } from "../generated/StepTarget.ts";
import type { Stream } from "../generated/Stream.ts";
import type { UplinkView } from "../generated/UplinkView.ts";
import type { Input, Lab } from "./lab.ts";
import type { WantedPort } from "./relay.ts";

export type LuaVersion = "5.1" | "5.3";

/** One run of a lab. */
export interface Run {
  /** Runs to the virtual time `untilMs`, or until about `wallMs` of wall time are spent. */
  advance(untilMs: number, wallMs: number): void;
  /** Runs to the next record of that sort, at most to `untilMs`. */
  stepToNext(target: StepTarget, untilMs: number): void;
  /** How far it got. */
  nowMs(): number;
  input(input: Input): void;
  // The debugger: while a program is stopped, `advance` does nothing.
  /** The program stops before these lines (from 1) of the file, and no longer before other lines of it. */
  setBreakpoints(board: string, file: string, lines: readonly number[]): void;
  /** The board stops before the next line of Lua that it runs. */
  pauseProgram(board: string): void;
  /** Lets the stopped program go on with the next `advance`. */
  resume(how: Resume): void;
  /** Whether a program is stopped. */
  isStopped(): boolean;
  /** Everything since the last report. */
  report(): Report;
  map(): NetworkMap;
  frame(id: number): FrameView | null;
  streamOfFrame(frame: number): Stream | null;
  /** All frames, or those named. */
  pcapng(frames: readonly number[] | null): Uint8Array;
  files(host: number): readonly FileView[];
  /** The lab with everything a person did to it so far. */
  lab(): Lab;
  /** For a run in a room: a frame that came in; why it was refused. */
  roomReceive(frame: Uint8Array): string | null;
  /** The next frame for the room. */
  roomTake(): Uint8Array | null;
  roomHosts(): readonly RoomHost[];
  roomKnown(hosts: readonly RoomHost[]): void;
  /** The own router serves the room, or no longer. */
  roomKeep(keeps: boolean, leases: readonly RoomLease[]): void;
  roomLeases(): readonly RoomLease[];
  // The way to the real network: see `relay.ts`.
  uplinkConnecting(relay: string): void;
  uplinkConnected(relay: string, code: string | null): void;
  uplinkReceive(message: Uint8Array): void;
  /** The next message for the relay. */
  uplinkTake(): Uint8Array<ArrayBuffer> | null;
  uplinkLost(relay: string, why: string): void;
  uplinkLeft(): void;
  publish(port: WantedPort): void;
  unpublish(port: WantedPort): void;
  uplink(): UplinkView;
  /** Gives the memory back; the run must not be used any more. */
  free(): void;
}

/** The loaded engine. */
export interface Engine {
  /** Begins a run. Throws an `Error` with a sentence when the lab is not well formed. */
  start(lab: Lab): Run;
  /** As `start`, on a LAN that others share. */
  startInRoom(lab: Lab, membership: Membership): Run;
  api(): readonly ApiEntry[];
  check(file: string, source: string, lua: LuaVersion): readonly CompileError[];
}
