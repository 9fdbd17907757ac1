/** The editor's extensions: Lua, keys, help, and the marks of a run. */

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { lua } from "@codemirror/legacy-modes/mode/lua";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import type { ApiEntry } from "../generated/ApiEntry.ts";
import { candidates, lookUp, luaWords, nameBefore, shortName } from "./help.ts";

export interface EditorActions {
  readonly run: () => void;
  readonly changed: (text: string) => void;
  readonly api: () => readonly ApiEntry[];
}

/** Marks lines: those whose callback has just run, and the selected record's. */
export const setMarks = StateEffect.define<{ readonly ran: readonly number[]; readonly selected: number | null }>();

const ranLine = Decoration.line({ class: "cm-ran" });
const selectedLine = Decoration.line({ class: "cm-selected-line" });

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(old, transaction) {
    let next = old.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setMarks)) continue;
      const { doc } = transaction.state;
      const wanted = [
        ...effect.value.ran.map((line) => [line, ranLine] as const),
        ...(effect.value.selected === null ? [] : [[effect.value.selected, selectedLine] as const]),
      ].filter(([line]) => line >= 1 && line <= doc.lines);
      next = Decoration.set(
        wanted.map(([line, mark]) => mark.range(doc.line(line).from)),
        true,
      );
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const highlighting = HighlightStyle.define([
  { tag: tags.keyword, class: "tok-keyword" },
  { tag: [tags.string, tags.special(tags.string)], class: "tok-string" },
  { tag: tags.comment, class: "tok-comment" },
  { tag: tags.number, class: "tok-number" },
  { tag: [tags.standard(tags.variableName), tags.standard(tags.name)], class: "tok-builtin" },
  { tag: tags.definition(tags.variableName), class: "tok-definition" },
]);

export function extensions(actions: EditorActions): Extension {
  return [
    lineNumbers(),
    highlightActiveLineGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    indentUnit.of("  "),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    EditorState.tabSize.of(2),
    StreamLanguage.define(lua),
    syntaxHighlighting(highlighting),
    autocompletion({ override: [(context) => complete(context, actions.api())], icons: false }),
    hoverTooltip((view, position, side) => hover(view, position, side, actions.api()), { hoverTime: 350 }),
    lintGutter(),
    marks,
    keymap.of([
      { key: "Mod-Enter", run: () => (actions.run(), true), preventDefault: true },
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...lintKeymap,
      ...defaultKeymap,
      indentWithTab,
    ]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) actions.changed(update.state.doc.toString());
    }),
    EditorView.contentAttributes.of({ "aria-label": "Program", tabindex: "0", spellcheck: "false", autocapitalize: "off", "data-gramm": "false" }),
  ];
}

const completionTypes = { module: "namespace", object: "type", function: "function", method: "method", constant: "constant" } as const;

function complete(context: CompletionContext, api: readonly ApiEntry[]): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  if (/--|^[^"]*"[^"]*$/.test(before.replace(/"(?:[^"\\]|\\.)*"/g, ""))) return null;
  const at = nameBefore(before);
  if (at.separator === "" && at.part.length < 2 && !context.explicit) return null;
  const options: Completion[] = candidates(api, at).map((entry) => ({
    label: shortName(entry),
    detail: entry.kind === "constant" ? entry.signature : entry.kind === "module" || entry.kind === "object" ? entry.kind : (entry.name.match(/^(.*)[.:]/)?.[1] ?? ""),
    type: completionTypes[entry.kind],
    info: () => helpDom([entry]),
  }));
  if (at.separator === "") {
    for (const word of luaWords) options.push({ label: word, type: "keyword" });
    for (const word of wordsOf(context.state.doc.toString(), at.part)) options.push({ label: word, type: "variable" });
  }
  return { from: context.pos - at.part.length, options, validFor: /^\w*$/ };
}

/** Names of the program itself, without the one being typed. */
function wordsOf(text: string, typed: string): readonly string[] {
  const words = new Set(text.match(/[A-Za-z_]\w{2,}/g));
  words.delete(typed);
  for (const word of luaWords) words.delete(word);
  return [...words].slice(0, 500);
}

function hover(view: EditorView, position: number, side: number, api: readonly ApiEntry[]): { pos: number; end: number; above: boolean; create: () => { dom: HTMLElement } } | null {
  const line = view.state.doc.lineAt(position);
  const column = position - line.from;
  for (const match of line.text.matchAll(/[A-Za-z_]\w*/g)) {
    const [start, end] = [match.index, match.index + match[0].length];
    if (column < start || column > end || (column === end && side > 0)) continue;
    const before = nameBefore(line.text.slice(0, start));
    const found = lookUp(api, before.owner, before.separator, match[0]);
    if (found.length === 0) return null;
    return { pos: line.from + start, end: line.from + end, above: true, create: () => ({ dom: helpDom(found) }) };
  }
  return null;
}

function helpDom(entries: readonly ApiEntry[]): HTMLElement {
  const dom = document.createElement("div");
  dom.className = "help-tip";
  for (const entry of entries.slice(0, 4)) {
    const block = document.createElement("div");
    const head = document.createElement("code");
    head.textContent = entry.kind === "constant" ? `${entry.name} = ${entry.signature}` : entry.kind === "module" || entry.kind === "object" ? entry.name : signatureOf(entry);
    const text = document.createElement("p");
    text.textContent = entry.doc;
    block.append(head, text);
    const note = noteOf(entry);
    if (note !== "") {
      const remark = document.createElement("p");
      remark.className = "muted";
      remark.textContent = note;
      block.append(remark);
    }
    dom.append(block);
  }
  return dom;
}

/** What is special about a name. */
function noteOf(entry: ApiEntry): string {
  if (entry.removedUseInstead !== null) return `Removed in release 3.0; use ${entry.removedUseInstead} instead.`;
  return entry.lua51Only ? "Only in Lua 5.1 builds." : "";
}

function signatureOf(entry: ApiEntry): string {
  const owner = /^(.*[.:])[^.:]+$/.exec(entry.name)?.[1] ?? "";
  return entry.signature.startsWith(owner) ? entry.signature : owner + entry.signature;
}
