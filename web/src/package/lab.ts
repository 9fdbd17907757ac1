/** Runs a lab to its end, for tests of programs: in Node, in a worker, anywhere. */

import init, { Playground } from "#glue";

import type { CheckStatus } from "../generated/CheckStatus.ts";
import type { Lab } from "../generated/Lab.ts";
import type { NetworkMap } from "../generated/NetworkMap.ts";
import type { Record as TraceRecord } from "../generated/Record.ts";
import type { Report } from "../generated/Report.ts";

export type { CheckStatus, Lab, TraceRecord };
export { labOf, type Snippet } from "../embed/snippet.ts";

export interface RunOptions {
  /** How long to run, in virtual milliseconds; by default the lab's own `untilMs`, else ten seconds. */
  readonly untilMs?: number;
}

export interface LabRun {
  /** What each host printed, by its name; `pc` is the PC's terminal. */
  readonly consoles: Readonly<{ [host: string]: string }>;
  /** The causal log. */
  readonly records: readonly TraceRecord[];
  /** The lab's checks at the end. */
  readonly checks: readonly CheckStatus[];
  /** Whether no check has failed. */
  readonly passed: boolean;
  readonly nowMs: number;
  /** All frames, for packet analysers. */
  readonly pcapng: Uint8Array;
}

const untilMsUsual = 10_000;
/** Wall time between two looks at the clock, in milliseconds. */
const sliceWallMs = 50;

/**
 * Runs `lab` for some virtual time, as fast as it goes. Equal labs give equal results, byte for byte.
 *
 * Throws an `Error` with a sentence when the lab is not one.
 */
export async function runLab(lab: Lab, options: RunOptions = {}): Promise<LabRun> {
  await init();
  const simulation = new Playground(JSON.stringify(lab));
  try {
    return run(simulation, options.untilMs ?? lab.untilMs ?? untilMsUsual);
  } finally {
    simulation.free();
  }
}

function run(simulation: Playground, untilMs: number): LabRun {
  const texts = new Map<number, string>();
  const decoders = new Map<number, TextDecoder>();
  const records: TraceRecord[] = [];
  let report: Report;
  do {
    report = simulation.advance(untilMs, sliceWallMs) as Report;
    for (const record of report.records) records.push(record);
    for (const { host, bytes } of report.consoles) {
      const decoder = decoders.get(host) ?? new TextDecoder();
      decoders.set(host, decoder);
      texts.set(host, (texts.get(host) ?? "") + decoder.decode(bytes, { stream: true }));
    }
  } while (!report.reached);
  const names = new Map((simulation.map() as NetworkMap).hosts.map(({ id, name }) => [id, name]));
  const consoles = Object.fromEntries([...texts].map(([host, text]) => [names.get(host) ?? `host ${host}`, text]));
  const checks = simulation.finalChecks() as readonly CheckStatus[];
  return { consoles, records, checks, passed: checks.every(({ state }) => state !== "failed"), nowMs: report.nowMs, pcapng: simulation.pcapng() };
}
