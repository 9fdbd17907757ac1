/** The engine of `pkg/`: gives typed calls, frees what it makes. Besides `modules.ts` the only importer of that folder. */

import * as pkg from "../../../pkg/playground.js";

import type { ApiEntry } from "../generated/ApiEntry.ts";
import type { CompileError } from "../generated/CompileError.ts";
import type { FileView } from "../generated/FileView.ts";
import type { FrameView } from "../generated/FrameView.ts";
import type { NetworkMap } from "../generated/NetworkMap.ts";
import type { Report } from "../generated/Report.ts";
import type { Stream } from "../generated/Stream.ts";
import type { Engine, Run } from "./engine.ts";
import type { Input, Lab } from "./lab.ts";

/** Wall time that a step may take, in milliseconds. */
const stepWallMsMax = 400;

/** Instantiates the undivided module, in a worker. To be called once: the glue keeps one instance. */
export function createEngine(module: WebAssembly.Module): Engine {
  pkg.initSync({ module });
  return engine;
}

/**
 * The same for the first part of the divided module. `loadRest` is called when the engine first comes to something that part lacks,
 * and must give the other part before it returns: the engine stands in the middle of a call.
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
  start: (lab) => new WasmRun(lab),
  api: () => pkg.api() as readonly ApiEntry[],
  check: (file, source, lua) => pkg.check(file, source, lua) as readonly CompileError[],
};

class WasmRun implements Run {
  readonly #simulation: pkg.Playground;
  #report: Report | null = null;

  constructor(lab: Lab) {
    this.#simulation = new pkg.Playground(JSON.stringify(lab));
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

  free(): void {
    this.#simulation.free();
  }

  /** Joins a report to one that has not been asked for yet. */
  #keep(report: Report): void {
    const kept = this.#report;
    this.#report = kept
      ? {
          ...report,
          consoles: [...kept.consoles, ...report.consoles],
          records: kept.records.concat(report.records),
          frames: kept.frames.concat(report.frames),
          recordsLost: kept.recordsLost + report.recordsLost,
          fetches: [...kept.fetches, ...report.fetches],
          filesChanged: [...new Set([...kept.filesChanged, ...report.filesChanged])],
          stoppedAt: report.stoppedAt ?? kept.stoppedAt,
        }
      : report;
  }
}
