/**
 * Everything the page knows at one moment: the open lab, its run, and what is selected. Panels read it and call its verbs.
 *
 * A change is noted as a topic; once per animation frame the shell hands the noted topics to the panels. Nothing here touches the
 * document.
 */

import { EngineClient, type StartWorker } from "../engine/client.ts";
import { type EngineFailure, failureText } from "../engine/failure.ts";
import type { FetchRequest, FileContent, Input, Lab } from "../engine/lab.ts";
import type { Batch } from "../engine/protocol.ts";
import type { RelayWish } from "../engine/relay.ts";
import type { BoardStatus } from "../generated/BoardStatus.ts";
import type { CheckStatus } from "../generated/CheckStatus.ts";
import type { FetchResult } from "../generated/FetchResult.ts";
import type { NetworkMap } from "../generated/NetworkMap.ts";
import type { Report } from "../generated/Report.ts";
import type { UplinkView } from "../generated/UplinkView.ts";
import { TraceLog } from "../trace/log.ts";
import { ConsoleBuffer } from "./console-buffer.ts";
import { Hosts } from "./hosts.ts";
import type { RoomLink } from "../engine/room.ts";
import type { FromHub } from "../generated/FromHub.ts";
import { RoomStore } from "./room.ts";
import { DebugStore } from "./debug.ts";
import { boardsOf, fileNames, fileText, withFile } from "./labs.ts";
import type { Library, Settings } from "./library.ts";

/** What can change. */
export type Topic =
  | "boards"
  | "checks"
  | "clock"
  | "consoles"
  | "debug"
  | "failure"
  | "fetches"
  | "files"
  | "hosts"
  | "lab"
  | "labs"
  | "map"
  | "open"
  | "records"
  | "remarks"
  | "room"
  | "run"
  | "selection"
  | "settings"
  | "uplink"
  | "view";

/** A line in a file on a board. */
export interface Place {
  readonly board: string;
  readonly file: string;
  readonly line: number;
  /** One-based, in bytes. */
  readonly column?: number;
  readonly length?: number;
  /** Whether keyboard and cursor stay where they are while the place is shown. */
  readonly keepsFocus?: boolean;
}

/** An error that a run met, at its line. */
export interface RunError extends Place {
  readonly message: string;
  readonly kind: "error" | "hint";
}

export type RunState = "stopped" | "running" | "paused";

/** Errors kept for marking; more would only be noise. */
const runErrorsMax = 200;

export class Session {
  readonly log = new TraceLog();
  readonly hosts = new Hosts();
  readonly consoles = new Map<number, ConsoleBuffer>();
  readonly client: EngineClient;
  readonly room: RoomStore;
  readonly debug = new DebugStore(this);

  lab: Lab;
  labId: string;
  /** The example the lab came from, for its sentence on what to watch. */
  board = "";
  file = "init.lua";
  view = "timeline";
  stage = "console";
  nowMs = 0;
  load = 0;
  boards: readonly BoardStatus[] = [];
  checks: readonly CheckStatus[] = [];
  map: NetworkMap | null = null;
  /** The relay that leads to the real network, if one is wanted, and how that stands in this run. */
  relay: RelayWish | null = null;
  uplink: UplinkView | null = null;
  selection: number | null = null;
  failure: EngineFailure | null = null;
  runErrors: readonly RunError[] = [];
  /** The place the editor should show next. */
  reveal: Place | null = null;
  /** Whether the lab was changed since it was started. */
  isStale = false;
  settings: Settings;
  readonly fetches: FetchResult[] = [];
  /** Hears every report of the run, after the session has taken it in. */
  onReport: ((report: Report) => void) | null = null;
  /** What the page should say briefly; whoever says it takes it away. */
  readonly remarks: string[] = [];

  #topics = new Set<Topic>();
  #fetchNumber = 0;
  readonly #fetchWaits = new Map<number, (result: FetchResult) => void>();
  #saveTimer: ReturnType<typeof setTimeout> | null = null;
  #glance = "";
  #hasRun = false;
  #startedLab: Lab | null = null;

  constructor(
    readonly library: Library,
    lab: Lab,
    labId: string,
    startWorker: StartWorker,
    /** Whether programs can stop at breakpoints: not where there is nobody to let them go on. */
    readonly hasDebugger = true,
  ) {
    this.lab = lab;
    this.labId = labId;
    this.settings = library.settings();
    this.#chooseBoard();
    const handlers = {
      batch: (batch: Batch) => this.#take(batch),
      failed: (failure: EngineFailure) => this.#fail(failure),
      inputRefused: (input: Input, message: string) => this.#refuseInput(input, message),
      ready: () => this.note("run"),
      roomLink: (link: RoomLink) => this.room.takeLink(link),
      roomMessage: (message: FromHub) => this.room.hear(message),
    };
    this.client = new EngineClient(handlers, startWorker);
    this.room = new RoomStore(this);
  }

  /** Marks `topics` as changed. */
  note(...topics: Topic[]): void {
    for (const topic of topics) this.#topics.add(topic);
  }

  /** The topics that wait to be taken. */
  get topics(): ReadonlySet<Topic> {
    return this.#topics;
  }

  /** The topics since the last call. */
  takeTopics(): ReadonlySet<Topic> {
    const topics = this.#topics;
    if (topics.size > 0) this.#topics = new Set();
    return topics;
  }

  get state(): RunState {
    if (!this.client.isRunning) return "stopped";
    return this.client.isPaused ? "paused" : "running";
  }

  get hasRun(): boolean {
    return this.#hasRun;
  }

  // ---- running

  run(): void {
    this.#forgetRun();
    this.failure = null;
    this.#hasRun = true;
    this.isStale = false;
    this.#startedLab = this.lab;
    if (this.client.isPaused) this.client.setPaused(false);
    this.client.start(this.lab, this.debug.begin());
    this.note("run", "failure");
  }

  stop(): void {
    if (this.state === "stopped") return;
    this.client.stop();
    for (const buffer of this.consoles.values()) buffer.remark("stopped", this.nowMs);
    for (const wait of this.#fetchWaits.values()) wait(unfetched("the simulation was stopped"));
    this.#fetchWaits.clear();
    this.debug.forget();
    this.note("run", "consoles");
  }

  setPaused(paused: boolean): void {
    if (this.state === "stopped") return;
    this.client.setPaused(paused);
    this.note("run");
  }

  setSpeed(speed: number): void {
    this.client.setSpeed(speed);
    this.note("run");
  }

  /** Leads this run and those after it to the real network; `null` gives that up. Real peers know no other speed than their own. */
  setRelay(wish: RelayWish | null): void {
    this.relay = wish;
    this.uplink = null;
    this.client.setRelay(wish);
    if (wish) this.setSpeed(1);
    this.note("uplink");
  }

  step(target: "callback" | "frame"): void {
    if (this.state === "stopped") this.run();
    this.client.step(target);
    this.note("run");
  }

  /** Writes the board's edited files into its flash and presses its reset button. */
  restartBoard(name: string): void {
    if (this.state === "stopped") return this.run();
    const started = boardsOf(this.#startedLab ?? this.lab).find((board) => board.name === name);
    const board = boardsOf(this.lab).find((other) => other.name === name);
    if (!board || !started) return this.run();
    const names = new Set([...Object.keys(board.files ?? {}), ...Object.keys(started.files ?? {})]);
    for (const file of names) {
      const content: FileContent | undefined = board.files?.[file];
      if (content === started.files?.[file]) continue;
      this.input(content === undefined ? { type: "file", board: name, name: file } : { type: "file", board: name, name: file, content });
    }
    this.clearErrors(name);
    this.debug.beginBoard(name);
    this.input({ type: "reset", board: name });
    if (this.#startedLab) {
      this.#startedLab = { ...this.#startedLab, boards: boardsOf(this.#startedLab).map((other) => (other.name === name ? board : other)) };
      this.isStale = JSON.stringify(this.#startedLab) !== JSON.stringify(this.lab);
    }
    this.note("run");
  }

  input(input: Input): void {
    this.client.input(input);
  }

  /** Lets the PC's browser fetch; resolves when the simulated exchange has ended. */
  fetch(request: FetchRequest): Promise<FetchResult> {
    if (this.state === "stopped") return Promise.resolve(unfetched("nothing is running: press Run"));
    const id = ++this.#fetchNumber;
    return new Promise((resolve) => {
      this.#fetchWaits.set(id, resolve);
      this.input({ type: "pcFetch", id, request });
    });
  }

  // ---- the lab

  /** Replaces the lab by a changed version of itself. */
  edit(lab: Lab, ...topics: Topic[]): void {
    this.lab = lab;
    if (this.#hasRun && !this.isStale) {
      this.isStale = true;
      this.note("run");
    }
    this.#chooseBoard();
    this.debug.sync();
    this.#saveSoon();
    this.note("lab", ...topics);
  }

  /** Keeps the page's own state with the lab. The experiment is the same, so what runs is not out of date. */
  keepViews(views: Lab["views"]): void {
    const withViews = ({ views: _, ...lab }: Lab): Lab => (views === undefined ? lab : { ...lab, views });
    this.lab = withViews(this.lab);
    this.#startedLab &&= withViews(this.#startedLab);
    this.debug.sync();
    this.#saveSoon();
    this.note("lab", "debug");
  }

  writeFile(board: string, file: string, content: FileContent): void {
    this.edit(withFile(this.lab, board, file, content));
    this.clearErrors(board, file);
  }

  /** Opens another lab; the present one is kept. */
  openLab(lab: Lab, id: string): void {
    this.saveNow();
    this.client.stop();
    this.#forgetRun();
    this.#hasRun = false;
    this.isStale = false;
    this.failure = null;
    this.lab = lab;
    this.labId = id;
    this.board = "";
    this.file = "";
    this.debug.forget();
    this.#chooseBoard();
    this.note("lab", "labs", "run", "open", "files", "failure");
    this.saveNow();
  }

  saveNow(): void {
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    this.#saveTimer = null;
    this.library.save(this.labId, this.lab, Date.now());
    this.note("labs");
  }

  saveSettings(settings: Settings): void {
    this.settings = settings;
    this.library.saveSettings(settings);
    this.note("settings");
  }

  // ---- what is open

  openFile(board: string, file: string): void {
    this.board = board;
    this.file = file;
    this.note("open");
  }

  openBoard(board: string): void {
    if (board === this.board) return;
    this.board = board;
    this.file = "";
    this.#chooseBoard();
    this.note("open");
  }

  /** Shows a line of a program in the editor. */
  goTo(place: Place): void {
    const board = boardsOf(this.lab).find((other) => other.name === place.board);
    if (!board || fileText(board, place.file) === null) return;
    this.openFile(place.board, place.file);
    this.reveal = place;
    this.note("open");
  }

  select(id: number | null): void {
    if (id === this.selection) return;
    this.selection = id;
    this.note("selection");
  }

  openView(view: string): void {
    this.view = view;
    this.note("view");
  }

  openStage(stage: string): void {
    this.stage = stage;
    this.note("view");
  }

  boardStatus(name: string): BoardStatus | undefined {
    return this.boards.find((board) => board.name === name);
  }

  consoleOf(host: number): ConsoleBuffer {
    let buffer = this.consoles.get(host);
    if (!buffer) {
      buffer = new ConsoleBuffer();
      this.consoles.set(host, buffer);
    }
    return buffer;
  }

  clearErrors(board: string, file?: string): void {
    const kept = this.runErrors.filter((error) => error.board !== board || (file !== undefined && error.file !== file));
    if (kept.length === this.runErrors.length) return;
    this.runErrors = kept;
    this.note("records");
  }

  destroy(): void {
    this.saveNow();
    this.room.destroy();
    this.client.destroy();
  }

  #chooseBoard(): void {
    const boards = boardsOf(this.lab);
    const board = boards.find((other) => other.name === this.board) ?? boards[0];
    this.board = board?.name ?? "";
    if (!board || board.files?.[this.file] !== undefined) return;
    const open = (this.lab.views?.["open"] as { readonly [board: string]: string } | undefined)?.[board.name];
    this.file = open !== undefined && board.files?.[open] !== undefined ? open : (fileNames(board)[0] ?? "");
  }

  #saveSoon(): void {
    if (this.#saveTimer !== null) return;
    this.#saveTimer = setTimeout(() => this.saveNow(), 400);
  }

  #forgetRun(): void {
    this.log.clear();
    this.hosts.clear();
    this.consoles.clear();
    this.nowMs = 0;
    this.boards = [];
    this.checks = [];
    this.map = null;
    this.selection = null;
    this.runErrors = [];
    this.fetches.length = 0;
    this.uplink = null;
    for (const wait of this.#fetchWaits.values()) wait(unfetched("the simulation was started again"));
    this.#fetchWaits.clear();
    this.note("records", "consoles", "boards", "hosts", "map", "selection", "clock", "checks", "fetches", "uplink");
  }

  #refuseInput(input: Input, message: string): void {
    if (input.type === "pcFetch") {
      this.#fetchWaits.get(input.id)?.(unfetched(message));
      this.#fetchWaits.delete(input.id);
      return;
    }
    this.remarks.push(message);
    this.note("remarks");
  }

  #fail(failure: EngineFailure): void {
    this.failure = failure;
    this.debug.forget();
    const { title } = failureText(failure);
    for (const buffer of this.consoles.values()) buffer.remark(title, this.nowMs);
    this.note("failure", "run", "consoles");
  }

  #take(batch: Batch): void {
    const { report } = batch;
    this.nowMs = report.nowMs;
    this.load = batch.load;
    this.boards = report.boards;
    if (batch.map) this.map = batch.map;
    if (JSON.stringify(batch.uplink) !== JSON.stringify(this.uplink)) {
      this.uplink = batch.uplink;
      this.note("uplink");
    }
    if (this.hosts.update(report.boards, batch.map)) this.note("hosts");
    if (batch.map) this.note("map");
    if (report.checks.length > 0) this.note("checks");
    this.checks = report.checks;
    if (report.records.length > 0) {
      this.log.append(report.records, report.frames);
      this.#collectErrors(report.records);
      this.note("records");
    }
    for (const { host, bytes } of report.consoles) this.consoleOf(host).write(bytes, report.nowMs);
    if (report.consoles.length > 0) this.note("consoles");
    for (const result of report.fetches) this.#endFetch(result);
    if (report.filesChanged.length > 0) this.note("files");
    this.debug.take(report.paused ?? null);
    if (report.stoppedAt !== null) this.select(report.stoppedAt);
    this.note("clock");
    const glance = this.boards.map(glanceOf).join("\n");
    if (glance !== this.#glance) this.note("boards");
    this.#glance = glance;
    this.onReport?.(report);
  }

  #endFetch(result: FetchResult): void {
    this.fetches.push(result);
    this.#fetchWaits.get(result.id)?.(result);
    this.#fetchWaits.delete(result.id);
    this.note("fetches");
  }

  #collectErrors(records: Batch["report"]["records"]): void {
    const found: RunError[] = [];
    for (const record of records) {
      if (record.kind === "hint" && record.position) {
        found.push(this.#errorAt(record.host, record.position.file, record.position.line, record.text, "hint"));
      } else if (record.kind === "callback_end" && record.error !== null) {
        this.#collectMessage(record.host, record.error, found);
      } else if (record.kind === "crash") {
        this.#collectMessage(record.host, record.message, found);
      } else if (record.kind === "console" && errorLine.test(record.text)) {
        this.#collectMessage(record.host, record.text, found);
      }
    }
    if (found.length === 0) return;
    const seen = new Set(this.runErrors.map(errorKey));
    const fresh = found.filter((error) => !seen.has(errorKey(error)) && seen.add(errorKey(error)));
    this.runErrors = [...this.runErrors, ...fresh].slice(-runErrorsMax);
  }

  #collectMessage(host: number, text: string, found: RunError[]): void {
    const match = messagePattern.exec(text);
    if (!match) return;
    const [, file = "", line = "0", message = ""] = match;
    found.push(this.#errorAt(host, file, Number(line), message, "error"));
  }

  #errorAt(host: number, file: string, line: number, message: string, kind: RunError["kind"]): RunError {
    return { board: this.hosts.nameOf(host), file: file.replace(/^@/, ""), line, message, kind };
  }
}

/** `init.lua:3: attempt to ...`, wherever it stands in the text. */
const messagePattern = /([\w.-]+\.lua):(\d+): ([^\r\n]+)/;
const errorLine = /\.lua:\d+: /;

const errorKey = (error: RunError): string => `${error.board}/${error.file}:${error.line}:${error.message}`;

/** What the page shows of a board, as text to compare: a heap that moves by a few bytes is no news. */
function glanceOf(board: BoardStatus): string {
  const { name, power, heapFreeBytes, wifi, ssid, interfaces, pins, boots } = board;
  const faces = interfaces.map((face) => face.ip).join();
  const levels = pins.map(({ pin, high, output }) => `${pin}${high}${output}`).join();
  return [name, power === "busy" ? "idle" : power, heapFreeBytes >> 9, wifi, ssid, faces, levels, boots].join("|");
}

function unfetched(error: string): FetchResult {
  return { id: 0, request: { url: "" }, url: "", status: 0, headers: [], body: new Uint8Array(), error, startedMs: 0, endedMs: 0 };
}
