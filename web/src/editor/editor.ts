/**
 * The code editor as a panel: one state per file (its own history and cursor), errors at their tokens, marks of the run.
 *
 * Syntax is checked by the engine's own compiler while typing, so the editor and the board never disagree.
 */

import { type Diagnostic, setDiagnostics } from "@codemirror/lint";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

import type { ApiEntry } from "../generated/ApiEntry.ts";
import type { CompileError } from "../generated/CompileError.ts";
import { concerns, type Panel, type PanelReport } from "../panels/panel.ts";
import { boardOf, fileText } from "../store/labs.ts";
import type { Session } from "../store/session.ts";
import { rangeAt } from "./offsets.ts";
import { extensions, setMarks } from "./setup.ts";

/** Wall time without typing before the syntax is checked, in milliseconds. */
const checkDelayWallMs = 200;
/** Wall time for which the line of a callback stays marked, in milliseconds. */
const markWallMs = 900;
/** Lines marked at once: more would be noise. */
const marksMax = 3;

/** What a page adds to the bare editor. */
export interface EditorAddition {
  readonly extension: Extension;
  /** As for panels, after the editor itself; `view` shows the open file by then. */
  update(report: PanelReport, view: EditorView): void;
}

export class Editor implements Panel {
  readonly dom = document.createElement("div");
  readonly #view: EditorView;
  readonly #states = new Map<string, { state: EditorState; text: string }>();
  #open = "";
  #labId = "";
  #api: readonly ApiEntry[] = [];
  #asksApi = false;
  #syntax: readonly CompileError[] = [];
  #checkTimer: ReturnType<typeof setTimeout> | null = null;
  #markTimer: ReturnType<typeof setTimeout> | null = null;
  #ran: readonly number[] = [];
  #seenCallback = 0;
  #isLoading = false;
  #shownErrors: Session["runErrors"] = [];

  /** @param root Where the editor will be shown, if not in the document itself. */
  constructor(
    readonly session: Session,
    root: Document | ShadowRoot = document,
    readonly addition: EditorAddition | null = null,
  ) {
    this.dom.className = "editor";
    this.#view = new EditorView({ parent: this.dom, root, state: this.#newState("") });
  }

  update(report: PanelReport): void {
    if (concerns(report, "open", "lab")) this.#show();
    if (concerns(report, "open")) this.#reveal();
    if (concerns(report, "records", "open")) {
      this.#markCallbacks();
      if (this.session.runErrors !== this.#shownErrors || report.topics.has("open")) this.#showDiagnostics();
    }
    if (concerns(report, "selection", "open")) this.#showMarks();
    if (concerns(report, "run")) {
      if (this.session.log.callbacks.length === 0) this.#seenCallback = 0;
      this.#loadApi();
    }
    this.addition?.update(report, this.#view);
  }

  destroy(): void {
    if (this.#checkTimer !== null) clearTimeout(this.#checkTimer);
    if (this.#markTimer !== null) clearTimeout(this.#markTimer);
    this.#view.destroy();
    this.dom.remove();
  }

  focus(): void {
    this.#view.focus();
  }

  #newState(text: string): EditorState {
    const actions = { run: () => this.session.run(), changed: (changed: string) => this.#changed(changed), api: () => this.#api };
    return EditorState.create({ doc: text, extensions: [this.addition?.extension ?? [], extensions(actions)] });
  }

  #loadApi(): void {
    if (this.#asksApi) return;
    this.#asksApi = true;
    this.session.client.query("api", {}).then(
      (api) => {
        this.#api = api;
        this.#checkSoon();
      },
      () => {
        this.#asksApi = false;
      },
    );
  }

  /** Brings the open file of the session into the view. */
  #show(): void {
    const { lab, labId, board, file } = this.session;
    if (labId !== this.#labId) {
      this.#labId = labId;
      this.#states.clear();
      this.#open = "";
    }
    const found = boardOf(lab, board);
    const text = found ? fileText(found, file) : null;
    const key = `${board}/${file}`;
    this.dom.classList.toggle("is-empty", text === null);
    if (text === null || (key === this.#open && text === this.#view.state.doc.toString())) return;
    const kept = this.#states.get(key);
    if (this.#open !== "" && this.#open !== key) {
      this.#states.set(this.#open, { state: this.#view.state, text: this.#view.state.doc.toString() });
    }
    this.#isLoading = true;
    this.#view.setState(kept?.text === text ? kept.state : this.#newState(text));
    this.#isLoading = false;
    this.#open = key;
    this.#syntax = [];
    this.#checkSoon();
    this.#showDiagnostics();
  }

  #reveal(): void {
    const place = this.session.reveal;
    if (!place || `${place.board}/${place.file}` !== this.#open) return;
    this.session.reveal = null;
    const { from } = rangeAt(this.#view.state.doc, place.line, place.column, place.length);
    const effects = EditorView.scrollIntoView(from, { y: "center" });
    if (place.keepsFocus) return this.#view.dispatch({ effects });
    this.#view.dispatch({ selection: { anchor: from }, effects });
    this.#view.focus();
  }

  #changed(text: string): void {
    if (this.#isLoading) return;
    const { board, file } = this.session;
    this.session.writeFile(board, file, text);
    this.#checkSoon();
  }

  #checkSoon(): void {
    if (this.#checkTimer !== null) clearTimeout(this.#checkTimer);
    this.#checkTimer = setTimeout(() => this.#check(), checkDelayWallMs);
  }

  async #check(): Promise<void> {
    const key = this.#open;
    const { board, file, lab } = this.session;
    const source = this.#view.state.doc.toString();
    if (!file.endsWith(".lua")) {
      this.#syntax = [];
      return this.#showDiagnostics();
    }
    try {
      const errors = await this.session.client.query("check", { file, source, lua: boardOf(lab, board)?.lua ?? "5.1" });
      if (key !== this.#open || source !== this.#view.state.doc.toString()) return;
      this.#syntax = errors;
      this.#showDiagnostics();
    } catch {
      // The worker was replaced meanwhile; the next change asks again.
    }
  }

  #showDiagnostics(): void {
    const { doc } = this.#view.state;
    const { board, file, runErrors } = this.session;
    this.#shownErrors = runErrors;
    const diagnostics: Diagnostic[] = this.#syntax.map((error) => ({
      ...rangeAt(doc, error.line, error.column, error.length),
      severity: "error",
      source: "syntax",
      message: error.message.replace(/^[^:]*:\d+: /, ""),
    }));
    for (const error of runErrors) {
      if (error.board !== board || error.file !== file) continue;
      // What the parser found is marked at its token already; a run knows only the line.
      if (this.#syntax.some((found) => found.line === error.line)) continue;
      diagnostics.push({
        ...rangeAt(doc, error.line, error.column, error.length),
        severity: error.kind === "hint" ? "info" : "error",
        source: error.kind === "hint" ? "hint" : "run",
        message: error.message,
      });
    }
    diagnostics.sort((a, b) => a.from - b.from);
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics));
  }

  /** Marks the lines of the callbacks that ran since the last look. */
  #markCallbacks(): void {
    const { log, board, file, hosts } = this.session;
    const host = hosts.byName(board)?.id;
    const lines = new Set<number>();
    for (let index = log.callbacks.length - 1; index >= 0; index--) {
      const callback = log.callbacks[index];
      if (!callback || callback.id <= this.#seenCallback || lines.size >= marksMax) break;
      if (callback.host === host && callback.position?.file === file) lines.add(callback.position.line);
    }
    this.#seenCallback = log.callbacks.at(-1)?.id ?? 0;
    if (lines.size === 0) return;
    const ran = [...lines].sort((a, b) => a - b);
    if (ran.join() !== this.#ran.join()) {
      this.#ran = ran;
      this.#showMarks();
    }
    if (this.#markTimer !== null) clearTimeout(this.#markTimer);
    this.#markTimer = setTimeout(() => {
      if (this.session.state === "paused") return;
      this.#ran = [];
      this.#showMarks();
    }, markWallMs);
  }

  #showMarks(): void {
    this.#view.dispatch({ effects: setMarks.of({ ran: this.#ran, selected: this.#selectedLine() }) });
  }

  #selectedLine(): number | null {
    const { selection, log, board, file, hosts } = this.session;
    const record = selection === null ? undefined : log.get(selection);
    if (!record || !("position" in record) || record.position === null) return null;
    return hosts.nameOf(record.host) === board && record.position.file === file ? record.position.line : null;
  }
}
