/** The debugger's view: calls under way, variables of the one that is looked at, and all breakpoints. */

import "../styles/debugger.css";

import { html, nothing, render, type TemplateResult } from "lit";

import type { CallLevel } from "../generated/CallLevel.ts";
import type { Variable } from "../generated/Variable.ts";
import type { Session } from "../store/session.ts";
import { icon } from "../ui/icons.ts";
import { functionText, placeText } from "./debugger-text.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

export class DebuggerPanel implements Panel {
  readonly dom = document.createElement("div");
  readonly #tools = document.createElement("div");
  readonly #body = document.createElement("div");
  /** Tables that a person has opened, by their path; they stay open from stop to stop. */
  readonly #opened = new Set<string>();

  constructor(readonly session: Session) {
    this.dom.className = "view debugger";
    this.#tools.className = "view-tools";
    this.#body.className = "view-body debugger-body";
    this.dom.append(this.#tools, this.#body);
  }

  update(report: PanelReport): void {
    if (concerns(report, "debug", "run", "lab", "open", "hosts")) this.#draw();
  }

  destroy(): void {
    this.dom.remove();
  }

  #draw(): void {
    const { session } = this;
    const { debug, board } = session;
    const canPause = session.state === "running" && debug.pause === null && !debug.isAwaited;
    render(
      html`<button class="button small" title="Stop before the next line of Lua that this board runs; time stands still from then on" ?disabled=${!canPause || board === ""} @click=${() => debug.pauseProgram(board)}>${icon("pause")}Pause program of ${board}</button>
        <span class="spacer"></span>
        <span class="muted small-text debugger-chip">${icon("hint")}On a chip there is no debugger: print() shows values, and time never stands still.</span>`,
      this.#tools,
    );
    render(
      html`${debug.pause ? html`${this.#calls(debug.pause.levels)}${this.#variables()}` : this.#nothingStopped()}
        <section class="debugger-part" aria-labelledby="debugger-breakpoints"><h2 id="debugger-breakpoints">Breakpoints</h2>${this.#breakpoints()}</section>`,
      this.#body,
    );
  }

  #nothingStopped(): TemplateResult {
    return html`<div class="debugger-help">
      <p>Let a program stop where you want to look: click beside a line number, or put the cursor on a line and press <kbd>F9</kbd>. When the program comes to that line, it stops before it, with time and all boards.</p>
      <p>Then its calls and variables are here, and you go on line by line: <kbd>F10</kbd> over a call, <kbd>F11</kbd> into it, <kbd>⇧F11</kbd> out of it, <kbd>F5</kbd> to the next breakpoint. A run that was stopped is the run that it would have been.</p>
    </div>`;
  }

  #calls(levels: readonly CallLevel[]): TemplateResult {
    const { debug } = this.session;
    return html`<section class="debugger-part" aria-labelledby="debugger-calls">
      <h2 id="debugger-calls">Calls under way</h2>
      <ol class="debugger-calls">
        ${levels.map(
          (level, index) => html`<li>
            <button aria-current=${index === debug.level ? "true" : nothing} @click=${() => debug.choose(index)}>
              <b>${functionText(level)}</b><code>${level.position ? placeText(level.position) : "native"}</code>
            </button>
          </li>`,
        )}
      </ol>
      ${debug.callbackEvent === null ? nothing : html`<p class="muted small-text">called by the firmware as “${debug.callbackEvent}” callback</p>`}
    </section>`;
  }

  #variables(): TemplateResult {
    const { debug } = this.session;
    const { call } = debug;
    if (!call) return html``;
    const before = this.#callBefore(call);
    return html`<section class="debugger-part debugger-variables" aria-labelledby="debugger-variables">
      <h2 id="debugger-variables">Variables of ${functionText(call)}</h2>
      ${this.#group("Locals", call.locals, before?.locals, call.position === null ? "A native function has none that Lua could see." : "None yet.")}
      ${call.upvalues.length > 0 ? this.#group("Upvalues, from around the function", call.upvalues, before?.upvalues, "") : nothing}
      ${debug.pause && debug.pause.globals.length > 0 ? this.#group(`Globals of ${debug.board}`, debug.pause.globals, debug.before?.globals, "") : nothing}
    </section>`;
  }

  /** The same function at the stop before, to show what has changed. */
  #callBefore(call: CallLevel): CallLevel | undefined {
    return this.session.debug.before?.levels.find((other) => other.function === call.function && other.position?.file === call.position?.file);
  }

  #group(title: string, variables: readonly Variable[], before: readonly Variable[] | undefined, none: string): TemplateResult {
    return html`<h3>${title}</h3>
      ${variables.length === 0 ? html`<p class="muted small-text">${none}</p>` : this.#list(variables, before, title)}`;
  }

  #list(variables: readonly Variable[], before: readonly Variable[] | undefined, path: string): TemplateResult {
    return html`<ul class="variables">
      ${variables.map((variable, index) => {
        // Names repeat where an inner local hides an outer one.
        const same = before?.[index]?.name === variable.name ? before[index] : before?.find((other) => other.name === variable.name);
        return html`<li>${this.#variable(variable, same, before !== undefined, `${path}/${variable.name}`)}</li>`;
      })}
    </ul>`;
  }

  #variable(variable: Variable, before: Variable | undefined, isCompared: boolean, path: string): TemplateResult {
    const isChanged = isCompared && before?.text !== variable.text;
    const line = html`<code class="variable-name">${variable.name}</code><code class="variable-value" data-type=${variable.typeName} data-changed=${isChanged}>${variable.text}</code>${isChanged ? html`<small class="variable-changed">${before ? "changed" : "new"}</small>` : nothing}`;
    if (variable.typeName !== "table" || variable.text === "table (0)") return html`<div class="variable">${line}</div>`;
    if (variable.fields.length === 0) return html`<div class="variable">${line}<small class="muted">too deep to be shown</small></div>`;
    const total = Number(/\((\d+)\)/.exec(variable.text)?.[1] ?? 0);
    return html`<details ?open=${this.#opened.has(path)} @toggle=${(event: Event) => this.#remember(event, path)}>
      <summary class="variable">${line}</summary>
      ${this.#list(variable.fields, before?.fields, path)}
      ${total > variable.fields.length ? html`<p class="muted small-text">the first ${variable.fields.length} of ${total}</p>` : nothing}
    </details>`;
  }

  #remember(event: Event, path: string): void {
    if ((event.currentTarget as HTMLDetailsElement).open) this.#opened.add(path);
    else this.#opened.delete(path);
  }

  #breakpoints(): TemplateResult {
    const { session } = this;
    const { debug } = session;
    const isAlone = (session.lab.boards?.length ?? 0) < 2;
    const places = debug.breakpoints.flatMap(({ board, file, lines }) => lines.map((line) => ({ board, file, line })));
    if (places.length === 0) return html`<p class="muted small-text">None in this lab.</p>`;
    return html`<ul class="breakpoint-list">
      ${places.map((place) => {
        const name = `${isAlone ? "" : `${place.board} `}${placeText(place)}`;
        return html`<li>
          <span class="cm-breakpoint-mark" data-breakpoint="true" data-stopped="false" aria-hidden="true"></span>
          <button class="place" @click=${() => session.goTo(place)}>${name}</button>
          <button class="button quiet icon-only small" aria-label=${`Remove the breakpoint at ${name}`} title="Remove this breakpoint" @click=${() => debug.removeLine(place.board, place.file, place.line)}>${icon("close")}</button>
        </li>`;
      })}
    </ul>`;
  }
}
