/**
 * The debugger in the editor: a gutter with breakpoints, the line at which a program is stopped, and values of variables on hover.
 *
 * Breakpoints move with the text. A program that is edited while it runs has two texts, the edited one and the one that runs; lines
 * are carried over between them by the edits made since the run began.
 */

import "../styles/debugger.css";

import { type ChangeDesc, type Extension, Prec, RangeSet, StateEffect, StateField, type Text, type TransactionSpec } from "@codemirror/state";
import { Decoration, EditorView, gutter, GutterMarker, hoverTooltip, keymap, lineNumbers, type BlockInfo, type Command, type Tooltip, type ViewUpdate } from "@codemirror/view";

import type { Variable } from "../generated/Variable.ts";
import { concerns, type PanelReport } from "../panels/panel.ts";
import type { Session } from "../store/session.ts";
import type { EditorAddition } from "./editor.ts";
import { valueDom, variableNamed } from "./values.ts";

/** Lines of the edited text. */
interface Marks {
  readonly breakpoints: readonly number[];
  /** Where the program is stopped. */
  readonly stopped: number | null;
  /** Where the call that is looked at waits, if it is not the innermost. */
  readonly looked: number | null;
}

const noMarks: Marks = { breakpoints: [], stopped: null, looked: null };
const setMarks = StateEffect.define<Marks>();

const marks = StateField.define<Marks>({
  create: () => noMarks,
  update(old, transaction) {
    let next = old;
    if (transaction.docChanged) {
      const moved = (line: number | null): number | null => line && movedLine(line, transaction.startState.doc, transaction.state.doc, transaction.changes);
      const breakpoints = old.breakpoints.map(moved).filter((line) => line !== null);
      next = { breakpoints: [...new Set(breakpoints)], stopped: moved(old.stopped), looked: moved(old.looked) };
    }
    for (const effect of transaction.effects) if (effect.is(setMarks)) next = effect.value;
    return next;
  },
  provide: (field) =>
    EditorView.decorations.compute([field], (state) => {
      const { stopped, looked } = state.field(field);
      const lines = [
        ...(stopped === null ? [] : [[stopped, stoppedLine] as const]),
        ...(looked === null || looked === stopped ? [] : [[looked, lookedLine] as const]),
      ].filter(([line]) => line <= state.doc.lines);
      return Decoration.set(lines.map(([line, mark]) => mark.range(state.doc.line(line).from)), true);
    }),
});

const stoppedLine = Decoration.line({ class: "cm-stopped-line" });
const lookedLine = Decoration.line({ class: "cm-looked-line" });

/** The shape says what it is, the colour repeats it. */
class Mark extends GutterMarker {
  constructor(readonly isBreakpoint: boolean, readonly isStopped: boolean) {
    super();
  }

  override eq(other: Mark): boolean {
    return other.isBreakpoint === this.isBreakpoint && other.isStopped === this.isStopped;
  }

  override toDOM(): Node {
    const dom = document.createElement("span");
    dom.className = "cm-breakpoint-mark";
    dom.dataset["breakpoint"] = String(this.isBreakpoint);
    dom.dataset["stopped"] = String(this.isStopped);
    dom.title = this.isStopped ? "The program is stopped before this line" : "Breakpoint: click to remove it";
    return dom;
  }
}

/** A mark that only keeps the gutter's width. */
const spacer = new Mark(true, false);

export class EditorDebugger implements EditorAddition {
  readonly extension: Extension;
  /** For each file edited since its run began: the text that runs, and the edits. */
  readonly #edits = new Map<string, { readonly text: Text; readonly changes: ChangeDesc }>();

  constructor(readonly session: Session) {
    session.debug.onBegin = (board) => this.#begin(board);
    const onLine = { mousedown: (view: EditorView, line: BlockInfo): boolean => this.#toggle(view, line.from) };
    this.extension = [
      marks,
      Prec.high(gutter({ class: "cm-breakpoints", markers: gutterMarks, initialSpacer: () => spacer, domEventHandlers: onLine })),
      lineNumbers({ domEventHandlers: onLine }),
      Prec.high(keymap.of([{ key: "F9", run: this.#toggleAtCursor, preventDefault: true }])),
      hoverTooltip((view, position, side) => this.#valueAt(view, position, side), { hoverTime: 250 }),
      EditorView.updateListener.of((update) => this.#follow(update)),
    ];
  }

  update(report: PanelReport, view: EditorView): void {
    if (concerns(report, "run", "debug", "open", "lab")) this.#show(view);
  }

  /** A run begins, of all boards or of one: what runs is what the editor has. */
  #begin(board: string | null): void {
    for (const key of [...this.#edits.keys()]) if (board === null || key.startsWith(`${board}/`)) this.#edits.delete(key);
  }

  get #key(): string {
    return `${this.session.board}/${this.session.file}`;
  }

  #show(view: EditorView): void {
    const { debug, board, file } = this.session;
    const { doc } = view.state;
    const here = (position: { readonly file: string; readonly line: number } | null | undefined): number | null =>
      position?.file === file && debug.board === board ? this.#editedLine(position.line, doc) : null;
    const next: Marks = {
      breakpoints: debug.linesOf(board, file).filter((line) => line <= doc.lines),
      stopped: here(debug.pause?.position),
      looked: debug.level === 0 ? null : here(debug.call?.position),
    };
    if (JSON.stringify(next) !== JSON.stringify(view.state.field(marks))) view.dispatch({ effects: setMarks.of(next) });
  }

  readonly #toggleAtCursor: Command = (view) => this.#toggle(view, view.state.selection.main.head);

  #toggle(view: EditorView, position: number): boolean {
    const { doc } = view.state;
    const before = view.state.field(marks).breakpoints;
    const clicked = doc.lineAt(position).number;
    const line = before.includes(clicked) ? clicked : lineWithCode(doc, clicked);
    const isSet = !before.includes(line);
    const lines = isSet ? [...before, line].sort((a, b) => a - b) : before.filter((other) => other !== line);
    const said: TransactionSpec = { effects: [setMarks.of({ ...view.state.field(marks), breakpoints: lines }), EditorView.announce.of(`Breakpoint ${isSet ? "set" : "removed"} at line ${line}`)] };
    view.dispatch(said);
    this.#keep(lines, doc);
    return true;
  }

  /** Carries breakpoints along with an edit. */
  #follow({ docChanged, startState, state, changes }: ViewUpdate): void {
    if (!docChanged) return;
    const edits = this.#edits.get(this.#key);
    this.#edits.set(this.#key, edits ? { text: edits.text, changes: edits.changes.composeDesc(changes.desc) } : { text: startState.doc, changes: changes.desc });
    const { breakpoints } = state.field(marks);
    if (startState.field(marks).breakpoints.join() !== breakpoints.join()) this.#keep(breakpoints, state.doc);
  }

  #keep(lines: readonly number[], doc: Text): void {
    const { debug, board, file } = this.session;
    debug.setLines(board, file, lines, lines.map((line) => this.#runningLine(line, doc)));
  }

  /** The line of the text that runs; `null` for one that was written since. */
  #runningLine(line: number, doc: Text): number | null {
    const edits = this.#edits.get(this.#key);
    return edits ? movedLine(line, doc, edits.text, edits.changes.invertedDesc) : line;
  }

  /** Where a line of the text that runs is by now; `null` when it was deleted. */
  #editedLine(line: number, doc: Text): number | null {
    const edits = this.#edits.get(this.#key);
    if (!edits) return line <= doc.lines ? line : null;
    return line <= edits.text.lines ? movedLine(line, edits.text, doc, edits.changes) : null;
  }

  /** The value of the variable at `position` in the call that is looked at. */
  #valueAt(view: EditorView, position: number, side: number): Tooltip | null {
    const { debug, board, file } = this.session;
    const { call } = debug;
    if (!call || debug.board !== board || call.position?.file !== file) return null;
    const line = view.state.doc.lineAt(position);
    for (const match of line.text.matchAll(/[A-Za-z_]\w*/g)) {
      const [start, end] = [match.index, match.index + match[0].length];
      const at = position - line.from;
      if (at < start || at > end || (at === end && side > 0)) continue;
      const path = `${/(?:[A-Za-z_]\w*\.)*$/.exec(line.text.slice(0, start))?.[0] ?? ""}${match[0]}`;
      const found: Variable | null = variableNamed(call, debug.pause?.globals ?? [], path);
      if (!found) return null;
      return { pos: line.from + start, end: line.from + end, above: true, create: () => ({ dom: valueDom(path, found) }) };
    }
    return null;
  }
}

function gutterMarks(view: EditorView): RangeSet<GutterMarker> {
  const { breakpoints, stopped } = view.state.field(marks);
  const { doc } = view.state;
  const lines = [...new Set([...breakpoints, ...(stopped === null ? [] : [stopped])])].filter((line) => line <= doc.lines).sort((a, b) => a - b);
  return RangeSet.of(lines.map((line) => new Mark(breakpoints.includes(line), line === stopped).range(doc.line(line).from)));
}

/**
 * Where `line` of `before` is in `after`: it is where its first word is, and gone when all of it was deleted together with a line end.
 */
export function movedLine(line: number, before: Text, after: Text, changes: ChangeDesc): number | null {
  const { from, to, text } = before.line(line);
  let isGone = false;
  changes.iterChangedRanges((fromA, toA) => {
    if ((fromA <= from && toA > to) || (fromA < from && toA >= to)) isGone = true;
  });
  if (isGone) return null;
  const word = from + text.length - text.trimStart().length;
  return after.lineAt(changes.mapPos(word, 1)).number;
}

/** The line, or the next one below it that holds more than a comment: a program stops at no other. */
export function lineWithCode(doc: Text, line: number): number {
  for (let number = line; number <= doc.lines; number++) {
    if (!/^\s*(--.*)?$/.test(doc.line(number).text)) return number;
  }
  return line;
}
