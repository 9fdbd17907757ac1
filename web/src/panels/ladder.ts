/**
 * The sequence: hosts side by side, time downwards, one row per frame, callback or silence. Rows are elements, so it reads like a
 * list to a screen reader; each row's picture is drawn inside it.
 */

import { html, nothing, render, type TemplateResult } from "lit";

import type { Session } from "../store/session.ts";
import type { Host } from "../store/hosts.ts";
import { label, sentence } from "../trace/describe.ts";
import { categories, type Category, FilteredList, type Filter, isBackground, isRefusedOutside, matches } from "../trace/filter.ts";
import { seconds, span } from "../trace/format.ts";
import type { FrameView } from "../trace/log.ts";
import type { TraceRecord } from "../trace/record.ts";
import { css } from "../ui/css.ts";
import { icon } from "../ui/icons.ts";
import { VirtualList } from "../ui/virtual-list.ts";
import { filterBar } from "./filter-bar.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";
import { ViewFrame } from "./view-frame.ts";

const defaultCategories: readonly Category[] = ["callbacks", "frames", "silences"];
/** What has a row besides frames. */
const rowKinds: ReadonlySet<TraceRecord["kind"]> = new Set(["callback", "call", "nothing", "hint", "crash", "boot", "console", "socket", "input", "address", "wifi", "dns_answer", "ping_end", "pin", "uplink"]);

export class LadderPanel implements Panel {
  readonly #frame: ViewFrame;
  readonly #head = document.createElement("div");
  readonly #list: VirtualList<TraceRecord>;
  readonly #records = new FilteredList<TraceRecord>();
  #filter: Filter = { categories: new Set(defaultCategories), text: "" };
  #version = 0;
  #columns: readonly Host[] = [];
  #involved = new Set<number>();
  #involvedGeneration = -1;
  #involvedSeen = 0;

  constructor(readonly session: Session) {
    this.#frame = new ViewFrame(session, "ladder");
    this.#head.className = "ladder-head";
    this.#head.setAttribute("aria-hidden", "true");
    this.#list = new VirtualList({
      label: "Sequence of frames and callbacks",
      rowRem: 1.9,
      empty: () => (session.hasRun ? "Nothing of what is shown here has happened yet. “Show” above chooses what is shown." : "Press Run: hosts stand side by side here, with arrows for their frames."),
      key: (record) => record.id,
      onChoose: (record) => session.select(record.id),
      rowSentence: (record) => sentence(record, session.log, session.hosts.nameOf),
      row: (record) => this.#row(record),
    });
    this.#frame.main.append(this.#head, this.#list.dom);
  }

  get dom(): HTMLElement {
    return this.#frame.dom;
  }

  update(report: PanelReport): void {
    if (concerns(report, "records", "hosts", "run", "selection")) this.#draw();
    this.#frame.update(report);
  }

  destroy(): void {
    this.#list.destroy();
    this.#frame.destroy();
  }

  #draw(): void {
    const { log, hosts, selection } = this.session;
    const test = (record: TraceRecord): boolean => {
      if (record.kind === "frame_sent") {
        const frame = log.frame(record.id);
        if (frame && !this.#filter.categories.has("background") && isBackground(frame.summary)) return false;
      } else if (!rowKinds.has(record.kind)) return false;
      return matches(record, this.#filter, log, hosts.nameOf);
    };
    if (!this.#records.update(log.records, log.generation, this.#version, test)) this.session.note("records");
    this.#updateColumns();
    const selected = selection === null ? undefined : log.get(selection);
    const chosen = selected ? (log.frameOf(selected)?.id ?? (selected.kind === "callback_end" ? selected.callback : selected.id)) : null;
    this.#list.update(this.#records.items, chosen);
    this.#list.dom.style.setProperty("--columns", String(Math.max(1, this.#columns.length)));
    this.#drawHead();
    render(
      html`${filterBar(this.#filter, "Filter: words of a sentence", (filter) => {
          this.#filter = filter;
          this.#version++;
          this.#draw();
        })}
        <span class="muted small-text">${categories.filter(({ id }) => this.#filter.categories.has(id)).map(({ title }) => title.toLowerCase()).join(", ")}</span>
        <span class="spacer"></span>
        <button class="button small" aria-pressed=${this.#list.follows} @click=${() => ((this.#list.follows = !this.#list.follows), this.#draw())}>${icon("follow")}Follow</button>`,
      this.#frame.tools,
    );
  }

  /** Hosts that take part get a column: boards always, the others when they have sent or received something shown. */
  #updateColumns(): void {
    const { log, hosts } = this.session;
    if (log.generation !== this.#involvedGeneration || this.#records.items.length < this.#involvedSeen) {
      this.#involved = new Set();
      this.#involvedSeen = 0;
      this.#involvedGeneration = log.generation;
    }
    // The newest frames may still be on their way, so a few are looked at again.
    for (let index = Math.max(0, this.#involvedSeen - 64); index < this.#records.items.length; index++) {
      const record = this.#records.items[index];
      if (!record) continue;
      this.#involved.add(record.host);
      for (const arrival of log.frame(record.id)?.arrivals ?? []) this.#involved.add(arrival.host);
    }
    this.#involvedSeen = this.#records.items.length;
    this.#columns = hosts.all.filter((host) => host.kind === "board" || this.#involved.has(host.id));
  }

  #drawHead(): void {
    render(
      html`<span class="ladder-time">Time</span>
        <div class="ladder-columns" style=${css(`--columns:${Math.max(1, this.#columns.length)}`)}>
          ${this.#columns.map((host) => html`<span data-hue=${host.hue}><span class="shape">${host.shape}</span> ${host.name}<small>${host.ip ?? ""}</small></span>`)}
        </div>`,
      this.#head,
    );
  }

  #center(host: number): number {
    const index = this.#columns.findIndex((column) => column.id === host);
    return ((index + 0.5) / Math.max(1, this.#columns.length)) * 100;
  }

  #row(record: TraceRecord): TemplateResult {
    const { log } = this.session;
    const frame = record.kind === "frame_sent" ? log.frame(record.id) : undefined;
    return html`<span class="cell time">${seconds(record.at, 4)}</span>
      <div class="ladder-row">
        ${frame ? this.#arrow(frame) : this.#box(record)}
      </div>`;
  }

  #arrow(frame: FrameView): TemplateResult {
    const { hosts } = this.session;
    const from = this.#center(frame.host);
    const hue = hosts.get(frame.host)?.hue ?? 8;
    const isLost = frame.arrivals.length === 0 && frame.drops.length > 0;
    const targets = isLost ? frame.drops.map((drop) => drop.host) : frame.arrivals.map((arrival) => arrival.host);
    const ends = targets.filter((host) => host !== frame.host).map((host) => this.#center(host));
    // A frame that nobody has yet, or that was lost before a host could be named, ends half a column on.
    const shown = ends.length > 0 ? ends : [from + (from > 50 ? -1 : 1) * (40 / Math.max(1, this.#columns.length))];
    const left = Math.min(from, ...shown);
    const right = Math.max(from, ...shown);
    const { summary } = frame;
    const isQuiet = isBackground(summary);
    return html`${shown.map((to) => {
        const isRight = to > from;
        const end = isLost ? from + (to - from) * 0.6 : to;
        const [a, b] = [Math.min(from, end), Math.max(from, end)];
        return html`<span class=${`arrow ${isRight ? "rightward" : "leftward"}${isLost ? " is-lost" : ""}${isQuiet ? " quiet" : ""}`} data-hue=${hue} style=${css(`left:${a}%;width:${b - a}%`)}></span>`;
      })}
      <span class="arrow-text" style=${css(`left:${left}%;width:${right - left}%`)}><span>${summary.summary.startsWith(summary.protocol) ? nothing : html`<b>${summary.protocol}</b> `}${shortSummary(frame)}${isLost ? html` <b class="lost">lost</b>` : nothing}</span></span>`;
  }

  #box(record: TraceRecord): TemplateResult {
    const { hosts, log } = this.session;
    const host = hosts.get(record.host);
    const callback = log.callback(record.id);
    const ran = callback && callback.endedAt !== null ? span(callback.endedAt - callback.startedAt) : "";
    const isBad = record.kind === "crash" || (callback?.error ?? null) !== null;
    const text = record.kind === "nothing" ? record.detail : record.kind === "hint" || record.kind === "uplink" ? record.text : label(record);
    const glyph = record.kind === "nothing" || isRefusedOutside(record) ? "⊘ " : record.kind === "hint" ? "! " : isBad ? "✕ " : "";
    return html`<span class=${`event-box ${record.kind}${isBad ? " is-bad" : ""}`} data-hue=${host?.hue ?? 8} style=${css(`left:${this.#center(record.host)}%;--share:${100 / Math.max(1, this.#columns.length)}%`)} title=${sentence(record, log, hosts.nameOf)}
      ><b>${glyph}${text}</b>${"position" in record && record.position ? html`<small>${record.position.file}:${record.position.line}</small>` : nothing}${ran ? html`<small>${ran}</small>` : nothing}</span
    >`;
  }
}

/** A frame's line without what the columns say already. */
function shortSummary(frame: FrameView): string {
  const { summary } = frame;
  const { transport } = summary;
  if (!transport || !["TCP", "UDP"].includes(summary.protocol)) return summary.summary;
  const flags = transport.flags ? `${transport.flags.replaceAll(",", "")} ` : "";
  return `${flags}${transport.payloadBytes > 0 ? `${transport.payloadBytes} bytes ` : ""}→ ${transport.destinationPort}`;
}
