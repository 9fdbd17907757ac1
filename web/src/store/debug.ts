/**
 * The debugger as the page sees it: breakpoints, the stopped program, and the ways to go on.
 *
 * Breakpoints are kept with the lab by the lines of the edited text; the engine gets them by the lines of the text that runs, which
 * differ while a program is edited during its run. Whoever knows the difference (the editor) says both.
 */

import type { FileBreakpoints } from "../engine/protocol.ts";
import type { CallLevel } from "../generated/CallLevel.ts";
import type { Pause } from "../generated/Pause.ts";
import type { Resume } from "../generated/Resume.ts";
import { breakpointLines, breakpointsOf, withBreakpoints } from "./breakpoints.ts";
import type { Session } from "./session.ts";

export class DebugStore {
  /** The stopped program; after `resume` still the old stop, until there is news of the run. */
  pause: Pause | null = null;
  /** The stop before, to compare variables with. */
  before: Pause | null = null;
  /** Which of the calls under way is looked at, 0 for the innermost. */
  level = 0;
  /** How many stops the run has had. */
  stops = 0;
  /** A person wants the program to stop before a line that it has not come to yet. */
  isAwaited = false;
  /** Hears that all boards, or the one named, begin with the texts as they are edited. */
  onBegin: ((board: string | null) => void) | null = null;
  /** The program was told to go on and has not answered. */
  #isGoing = false;
  /** Lines as the engine has them, by board and file. */
  readonly #sent = new Map<string, FileBreakpoints>();
  /** For files that were edited since the start: the line of the running text for each breakpoint, `null` where that has none. */
  readonly #running = new Map<string, RunningLines>();

  constructor(readonly session: Session) {}

  get breakpoints(): readonly FileBreakpoints[] {
    return this.session.hasDebugger ? breakpointsOf(this.session.lab) : [];
  }

  linesOf(board: string, file: string): readonly number[] {
    return breakpointLines(this.session.lab, board, file);
  }

  /** Whether there is anything to be in charge of: a stopped program, or one that may stop. */
  get isActive(): boolean {
    return this.session.hasDebugger && this.session.state !== "stopped" && (this.pause !== null || this.isAwaited || this.breakpoints.length > 0);
  }

  /** Whether a program is stopped and can be told to go on. */
  get isStopped(): boolean {
    return this.pause !== null && !this.#isGoing;
  }

  /** The board whose program is stopped. */
  get board(): string | null {
    return this.pause === null ? null : this.session.hosts.nameOf(this.pause.host);
  }

  /** The event of the callback that the stopped program runs; `null` outside callbacks. */
  get callbackEvent(): string | null {
    const callback = this.pause && this.session.log.callbacks.findLast(({ host }) => host === this.pause?.host);
    return callback?.endedAt === null ? callback.event : null;
  }

  /** The call that is looked at. */
  get call(): CallLevel | null {
    return this.pause?.levels[this.level] ?? null;
  }

  /** Sets the breakpoints of a file, in ascending order: `lines` of its text, `running` of the text that runs. */
  setLines(board: string, file: string, lines: readonly number[], running: RunningLines = lines): void {
    this.#running.set(keyOf(board, file), running);
    this.session.keepViews(withBreakpoints(this.session.lab, { board, file, lines }).views);
  }

  removeLine(board: string, file: string, line: number): void {
    const lines = this.linesOf(board, file);
    const isKept = (_: unknown, index: number): boolean => lines[index] !== line;
    this.setLines(board, file, lines.filter(isKept), (this.#running.get(keyOf(board, file)) ?? lines).filter(isKept));
  }

  /** Tells the engine what has changed in the lab's breakpoints. */
  sync(): void {
    const wanted = new Map(this.breakpoints.map((of) => [keyOf(of.board, of.file), of]));
    for (const key of new Set([...wanted.keys(), ...this.#sent.keys()])) {
      const { board, file, lines } = wanted.get(key) ?? { ...(this.#sent.get(key) as FileBreakpoints), lines: [] };
      const running = { board, file, lines: lines.length === 0 ? [] : (this.#running.get(key) ?? lines).filter((line) => line !== null) };
      if (running.lines.join() === (this.#sent.get(key)?.lines.join() ?? "")) continue;
      this.#sent.set(key, running);
      this.session.client.setBreakpoints(running);
    }
  }

  /** A run begins: gives the breakpoints to begin with. */
  begin(): readonly FileBreakpoints[] {
    this.forget();
    this.onBegin?.(null);
    this.#running.clear();
    this.#sent.clear();
    for (const of of this.breakpoints) this.#sent.set(keyOf(of.board, of.file), of);
    return this.breakpoints;
  }

  /** A board begins again with its edited files. */
  beginBoard(board: string): void {
    this.onBegin?.(board);
    for (const key of [...this.#running.keys()]) if (key.startsWith(`${board}/`)) this.#running.delete(key);
    this.sync();
  }

  /** The run is over. */
  forget(): void {
    this.pause = null;
    this.before = null;
    this.level = 0;
    this.stops = 0;
    this.isAwaited = false;
    this.#isGoing = false;
    this.session.note("debug");
  }

  /** Makes a board stop before the next line that it runs. */
  pauseProgram(board: string): void {
    this.isAwaited = true;
    this.session.client.pauseProgram(board);
    this.session.note("debug");
  }

  /** Lets the stopped program go on; time must run for that. */
  resume(how: Resume): void {
    if (!this.isStopped) return;
    this.#isGoing = true;
    this.isAwaited = how !== "continue";
    if (this.session.state === "paused") this.session.setPaused(false);
    this.session.client.resume(how);
    this.session.note("debug");
  }

  /** Looks at another of the calls under way. */
  choose(level: number): void {
    this.level = level;
    this.#show(level);
    this.session.note("debug");
  }

  /** Takes what a report says. */
  take(pause: Pause | null): void {
    if (pause === null && this.pause === null) return;
    const isNew = pause !== null && (this.pause === null || this.#isGoing || JSON.stringify(pause) !== JSON.stringify(this.pause));
    if (pause !== null && !isNew) return;
    this.#isGoing = false;
    if (pause !== null) {
      this.before = this.pause ?? this.before;
      this.stops++;
      this.isAwaited = false;
    }
    this.pause = pause;
    this.level = 0;
    this.session.note("debug");
    if (pause === null) return;
    this.#show(this.level);
    if (this.stops === 1) this.session.openView("debugger");
  }

  /** Brings the line of a call into the editor, whose owner keeps the keyboard where it is. */
  #show(level: number): void {
    const position = this.pause?.levels[level]?.position;
    const board = this.board;
    if (position && board !== null) this.session.goTo({ board, ...position, keepsFocus: true });
  }
}

type RunningLines = readonly (number | null)[];

const keyOf = (board: string, file: string): string => `${board}/${file}`;
