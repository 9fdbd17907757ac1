/** The engine of `pkg/`: gives typed calls, frees what it makes. Besides `modules.ts` the only importer of that folder. */

import * as pkg from "../../../pkg/playground.js";

import type { ApiEntry } from "../generated/ApiEntry.ts";
import type { CompileError } from "../generated/CompileError.ts";
import type { FileView } from "../generated/FileView.ts";
import type { FrameView } from "../generated/FrameView.ts";
import type { NetworkMap } from "../generated/NetworkMap.ts";
import type { Report } from "../generated/Report.ts";
import type { Resume } from "../generated/Resume.ts";
import type { RoomHost } from "../generated/RoomHost.ts";
import type { RoomLease } from "../generated/RoomLease.ts";
import type { Stream } from "../generated/Stream.ts";
import type { Engine, Run } from "./engine.ts";
import type { UplinkView } from "../generated/UplinkView.ts";
import type { Input, Lab } from "./lab.ts";
import type { WantedPort } from "./relay.ts";

/** Wall time that a step may take, in milliseconds. */
const stepWallMsMax = 400;
/** Records, frames and pieces of console output kept for a page that does not ask for them (a hidden tab in a room). */
const keptMax = 20_000;

/**
 * Instantiates the first part of the divided module, in a worker; to be called once, for the glue keeps one instance. `loadRest` is
 * called when the engine first comes to something that part lacks, and must give the other part before it returns: the engine stands in
 * the middle of a call.
 */
export function createDividedEngine(module: WebAssembly.Module, loadRest: () => WebAssembly.Module): Engine {
  const first = pkg.initSync({ module }) as unknown as WebAssembly.Exports;
  let isWhole = false;
  const playgroundRest = (): void => {
    if (!isWhole) new WebAssembly.Instance(loadRest(), { first });
    isWhole = true;
  };
  Object.assign(globalThis, { playgroundRest });
  return engine;
}

const engine: Engine = {
  start: (lab) => new WasmRun(new pkg.Playground(JSON.stringify(lab))),
  startInRoom: (lab, membership) => new WasmRun(pkg.Playground.inRoom(JSON.stringify(lab), membership)),
  api: () => pkg.api() as readonly ApiEntry[],
  check: (file, source, lua) => pkg.check(file, source, lua) as readonly CompileError[],
};

class WasmRun implements Run {
  readonly #simulation: pkg.Playground;
  #report: Report | null = null;
  #isStopped = false;

  constructor(simulation: pkg.Playground) {
    this.#simulation = simulation;
  }

  advance(untilMs: number, wallMs: number): void {
    this.#keep(this.#simulation.advance(untilMs, wallMs) as Report);
  }

  stepToNext(target: "callback" | "frame", untilMs: number): void {
    this.#keep(this.#simulation.stepToNext(target, untilMs, stepWallMsMax) as Report);
  }

  input(input: Input): void {
    this.#simulation.input(input);
  }

  setBreakpoints(board: string, file: string, lines: readonly number[]): void {
    this.#simulation.setBreakpoints(board, file, Uint32Array.from(lines));
  }

  pauseProgram(board: string): void {
    this.#simulation.pause(board);
  }

  resume(how: Resume): void {
    this.#simulation.resume(how);
    this.#isStopped = false;
  }

  isStopped(): boolean {
    return this.#isStopped;
  }

  nowMs(): number {
    return this.#report?.nowMs ?? 0;
  }

  report(): Report {
    const report = this.#report ?? (this.#simulation.report() as Report);
    this.#report = null;
    return report;
  }

  map(): NetworkMap {
    return this.#simulation.map() as NetworkMap;
  }

  frame(id: number): FrameView | null {
    return this.#simulation.frame(id) as FrameView | null;
  }

  streamOfFrame(frame: number): Stream | null {
    return this.#simulation.streamOfFrame(frame) as Stream | null;
  }

  pcapng(frames: readonly number[] | null): Uint8Array {
    return this.#simulation.pcapng(frames === null ? undefined : Float64Array.from(frames));
  }

  files(host: number): readonly FileView[] {
    return this.#simulation.files(host) as readonly FileView[];
  }

  lab(): Lab {
    return JSON.parse(this.#simulation.exportLab()) as Lab;
  }

  roomReceive(frame: Uint8Array): string | null {
    return this.#simulation.roomReceive(frame) ?? null;
  }

  roomTake(): Uint8Array | null {
    return this.#simulation.roomTake() ?? null;
  }

  roomHosts(): readonly RoomHost[] {
    return this.#simulation.roomHosts() as readonly RoomHost[];
  }

  roomKnown(hosts: readonly RoomHost[]): void {
    this.#simulation.roomKnown(hosts);
  }

  roomKeep(keeps: boolean, leases: readonly RoomLease[]): void {
    this.#simulation.roomKeep(keeps, leases);
  }

  roomLeases(): readonly RoomLease[] {
    return this.#simulation.roomLeases() as readonly RoomLease[];
  }

  uplinkConnecting(relay: string): void {
    this.#simulation.uplinkConnecting(relay);
  }

  uplinkConnected(relay: string, code: string | null): void {
    this.#simulation.uplinkConnected(relay, code ?? undefined);
  }

  uplinkReceive(message: Uint8Array): void {
    this.#simulation.uplinkReceive(message);
  }

  uplinkTake(): Uint8Array<ArrayBuffer> | null {
    // A copy out of the engine's memory, so never shared.
    return (this.#simulation.uplinkTake() as Uint8Array<ArrayBuffer> | undefined) ?? null;
  }

  uplinkLost(relay: string, why: string): void {
    this.#simulation.uplinkLost(relay, why);
  }

  uplinkLeft(): void {
    this.#simulation.uplinkLeft();
  }

  publish({ board, protocol, port }: WantedPort): void {
    this.#simulation.publish(board, protocol, port);
  }

  unpublish({ board, protocol, port }: WantedPort): void {
    this.#simulation.unpublish(board, protocol, port);
  }

  uplink(): UplinkView {
    return this.#simulation.uplink() as UplinkView;
  }

  free(): void {
    this.#simulation.free();
  }

  /** Joins a report to one that has not been asked for yet. */
  #keep(report: Report): void {
    const kept = this.#report;
    this.#isStopped = report.paused !== undefined;
    this.#report = kept
      ? {
          ...report,
          consoles: [...kept.consoles, ...report.consoles].slice(-keptMax),
          records: kept.records.concat(report.records).slice(-keptMax),
          frames: kept.frames.concat(report.frames).slice(-keptMax),
          recordsLost: kept.recordsLost + report.recordsLost + Math.max(0, kept.records.length + report.records.length - keptMax),
          fetches: [...kept.fetches, ...report.fetches],
          filesChanged: [...new Set([...kept.filesChanged, ...report.filesChanged])],
          stoppedAt: report.stoppedAt ?? kept.stoppedAt,
        }
      : report;
  }
}
