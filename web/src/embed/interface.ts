/**
 * What a page and an embedded playground say to each other: by methods and DOM events on the element, and by the same values in
 * messages for the iframe form. This file is types only; it is the public contract, versioned with the package.
 */

import type { CheckStatus } from "../generated/CheckStatus.ts";
import type { FrameSummary } from "../generated/FrameSummary.ts";
import type { Input } from "../generated/Input.ts";
import type { Lab } from "../generated/Lab.ts";
import type { Record as TraceRecord } from "../generated/Record.ts";

export type { CheckStatus, FrameSummary, Input, Lab, TraceRecord };

/**
 * Where a playground is: `idle` before anybody has asked for the engine, `loading` while it comes, then `ready` until the first run;
 * `failed` when the engine could not be loaded or broke down. `run` leads out of every one of them.
 */
export type PlayState = "idle" | "loading" | "ready" | "running" | "paused" | "stopped" | "failed";

/** Text files by name. */
export type Files = { readonly [name: string]: string };

/** What a page can tell a playground to do. Commands before the engine is there make it load, and are obeyed in order. */
export type Command =
  /** Loads the engine without running, so that the first run starts at once. */
  | { readonly type: "load" }
  /** Starts the boards from the beginning, with the files as they are now. */
  | { readonly type: "run" }
  | { readonly type: "stop" }
  | { readonly type: "pause"; readonly paused: boolean }
  /** Virtual seconds per second, 0.1 to 100. */
  | { readonly type: "speed"; readonly speed: number }
  /** Stops, and brings back the files that the author wrote. */
  | { readonly type: "reset" }
  /** Adds or replaces files of a board, by default of the first. They take effect at the next run. */
  | { readonly type: "setFiles"; readonly files: Files; readonly board?: string }
  /** Replaces everything. */
  | { readonly type: "setLab"; readonly lab: Lab }
  /** Characters for a board's console, by default the first board's; a line ends with `\n`. */
  | { readonly type: "type"; readonly text: string; readonly board?: string }
  /** Anything a person can do to a running lab: press a button, type a command on the PC, pull a cable. */
  | { readonly type: "input"; readonly input: Input }
  /** For the iframe form: whether `trace` notices are sent. The element always fires its event. */
  | { readonly type: "watch"; readonly trace: boolean };

/** What a playground tells the page, by name. */
export interface Notices {
  /** The engine is loaded: commands are obeyed at once from now on. */
  readonly ready: { readonly version: string };
  readonly state: { readonly state: PlayState; readonly nowMs: number };
  /** What a board printed, or the terminal of the host `pc` showed. Pieces, not lines. */
  readonly console: { readonly board: string; readonly text: string; readonly nowMs: number };
  /** New records of the causal log, and a summary for each frame that was sent. */
  readonly trace: { readonly records: readonly TraceRecord[]; readonly frames: readonly FrameSummary[]; readonly nowMs: number };
  /** How the lab's checks stand; sent when one changes. */
  readonly checks: { readonly checks: readonly CheckStatus[] };
  /** A person or the page changed a file of a board. */
  readonly files: { readonly board: string; readonly files: Files };
  /** The engine could not do what was asked: in words for a person. */
  readonly failure: { readonly title: string; readonly text: string };
}

export type NoticeName = keyof Notices;

/** One notice as a value. */
export type Notice = { readonly [Name in NoticeName]: { readonly type: Name } & Notices[Name] }[NoticeName];

/** The element's events: `playground-` and the notice's name. They bubble, out of shadow roots too. */
export type PlaygroundEvents = { readonly [Name in NoticeName as `playground-${Name}`]: CustomEvent<Notices[Name]> };

/** A message to the iframe form. */
export interface CommandMessage {
  /** Version of this contract. */
  readonly playground: 1;
  readonly command: Command;
}

/** A message from the iframe form to the page around it. */
export interface NoticeMessage {
  readonly playground: 1;
  readonly notice: Notice;
}
