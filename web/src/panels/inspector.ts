/** The selected record in full: the line, the arguments, the bytes, and the chain of causes back to where it began. */

import { html, nothing, render, type TemplateResult } from "lit";

import type { FrameView } from "../generated/FrameView.ts";
import { hexRows } from "../packets/bytes.ts";
import { boardOf } from "../store/labs.ts";
import type { Session } from "../store/session.ts";
import { label, sentence } from "../trace/describe.ts";
import { seconds, span } from "../trace/format.ts";
import type { Position, TraceRecord } from "../trace/record.ts";
import { icon } from "../ui/icons.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

/** Consequences listed; the rest is counted. */
const effectsMax = 8;
/** Bytes shown before the person asks for all. */
const bytesMax = 256;

export class Inspector implements Panel {
  readonly dom = document.createElement("aside");
  #bytes: { readonly frame: number; readonly view: FrameView | null } | null = null;
  #shown = -1;

  constructor(readonly session: Session) {
    this.dom.className = "inspector";
    this.dom.setAttribute("aria-label", "Details of the selection");
  }

  update(report: PanelReport): void {
    if (concerns(report, "selection", "hosts", "lab")) this.#draw();
    // What a record leads to may still come.
    else if (concerns(report, "records") && this.#effectCount() !== this.#shown) this.#draw();
  }

  destroy(): void {
    this.dom.remove();
  }

  #effectCount(): number {
    const { selection, log } = this.session;
    return selection === null ? -1 : log.effects(selection).length;
  }

  #draw(): void {
    const { session } = this;
    const { log, hosts, selection } = session;
    const record = selection === null ? undefined : log.get(selection);
    this.dom.dataset["empty"] = String(!record);
    this.#shown = this.#effectCount();
    if (!record) {
      render(nothing, this.dom);
      return;
    }
    const callback = log.callback(record.id) ?? (record.kind === "callback_end" ? log.callback(record.callback) : undefined);
    const host = hosts.get(record.host);
    const frame = log.frameOf(record) ?? this.#carrier(record);
    if (frame) this.#loadBytes(frame.id);
    render(
      html`<header data-hue=${host?.hue ?? 8}>
          <h2><span class="shape" aria-hidden="true">${host?.shape ?? "●"}</span> ${hosts.nameOf(record.host)} <b>${label(record)}</b></h2>
          <span class="muted mono">${seconds(record.at)} s</span>
          <button class="button quiet icon-only small" aria-label="Close the details" @click=${() => session.select(null)}>${icon("close")}</button>
        </header>
        <p class="sentence">${sentence(record, log, hosts.nameOf)}</p>
        <dl>
          ${"position" in record && record.position ? row("Line", this.#line(record.host, record.position)) : nothing}
          ${"arguments" in record && record.arguments !== "" ? row("Arguments", html`<code>${record.arguments}</code>`) : nothing}
          ${callback ? row("Waited", span(callback.startedAt - callback.dueAt)) : nothing}
          ${callback ? row("Ran", callback.endedAt === null ? "still running" : span(callback.endedAt - callback.startedAt)) : nothing}
          ${callback?.error ? row("Error", html`<span class="bad-text">${callback.error}</span>`) : nothing}
          ${frame ? row("Frame", html`<button class="place" @click=${() => (session.select(frame.id), session.openView("packets"))}>number ${frame.number}, ${frame.length} bytes</button>`) : nothing}
        </dl>
        ${this.#chain(record)} ${this.#effects(record)} ${frame ? this.#bytesOf(frame.id) : nothing}`,
      this.dom,
    );
  }

  /** The frame that brought what `record` is about. */
  #carrier(record: TraceRecord): ReturnType<Session["log"]["frame"]> {
    const cause = record.kind === "callback" && record.cause !== null ? this.session.log.get(record.cause) : undefined;
    return cause && this.session.log.frameOf(cause);
  }

  #line(host: number, position: Position): TemplateResult {
    const { session } = this;
    const board = session.hosts.nameOf(host);
    const source = boardOf(session.lab, board)?.files?.[position.file];
    const text = typeof source === "string" ? (source.split("\n")[position.line - 1]?.trim() ?? "") : "";
    return html`<button class="place" @click=${() => session.goTo({ board, file: position.file, line: position.line })}>${position.file}:${position.line}</button>${text === "" ? nothing : html`<code class="source-line">${text}</code>`}`;
  }

  #chain(record: TraceRecord): TemplateResult | typeof nothing {
    const chain = this.session.log.chain(record.id).slice(1);
    if (chain.length === 0) return nothing;
    return html`<h3>Because</h3>
      <ol class="chain">
        ${chain.slice(0, 24).map((cause) => this.#step(cause))}
      </ol>`;
  }

  #effects(record: TraceRecord): TemplateResult | typeof nothing {
    const effects = this.session.log.effects(record.id).filter((effect) => effect.kind !== "callback_end");
    if (effects.length === 0) return nothing;
    return html`<h3>Which led to</h3>
      <ul class="chain">
        ${effects.slice(0, effectsMax).map((effect) => this.#step(effect))}
        ${effects.length > effectsMax ? html`<li class="muted">and ${effects.length - effectsMax} more</li>` : nothing}
      </ul>`;
  }

  #step(record: TraceRecord): TemplateResult {
    const { session } = this;
    const host = session.hosts.get(record.host);
    return html`<li data-hue=${host?.hue ?? 8}>
      <span class="shape" aria-hidden="true">${host?.shape ?? "●"}</span>
      <button class="step-button" @click=${() => session.select(record.id)}>${sentence(record, session.log, session.hosts.nameOf)}</button>
      ${"position" in record && record.position ? this.#line(record.host, record.position) : nothing}
    </li>`;
  }

  #loadBytes(frame: number): void {
    if (this.#bytes?.frame === frame) return;
    this.#bytes = { frame, view: null };
    this.session.client.query("frame", { id: frame }).then(
      (view) => {
        if (this.#bytes?.frame !== frame) return;
        this.#bytes = { frame, view };
        this.#draw();
      },
      () => undefined,
    );
  }

  #bytesOf(frame: number): TemplateResult | typeof nothing {
    const view = this.#bytes?.frame === frame ? this.#bytes.view : null;
    if (!view) return nothing;
    return html`<h3>Bytes</h3>
      <pre class="hex" tabindex="0" aria-label="Bytes of the frame">${hexRows(view.bytes.subarray(0, bytesMax), 8).map((line) => `${line.offset.toString(16).padStart(4, "0")}  ${line.bytes.map((byte) => byte.hex).join(" ").padEnd(23)}  ${line.bytes.map((byte) => byte.character).join("")}\n`)}</pre>
      ${view.bytes.length > bytesMax ? html`<p class="muted small-text">the first ${bytesMax} of ${view.bytes.length} bytes</p>` : nothing}`;
  }
}

function row(name: string, value: unknown): TemplateResult {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
