/** The text twin of timeline and sequence: everything that happened as sentences, in order, with the same selection. */

import { html, nothing, render } from "lit";

import type { Session } from "../store/session.ts";
import { sentence } from "../trace/describe.ts";
import { categories, FilteredList, type Filter, matches } from "../trace/filter.ts";
import { counted, seconds } from "../trace/format.ts";
import type { TraceRecord } from "../trace/record.ts";
import { download } from "../ui/files.ts";
import { icon } from "../ui/icons.ts";
import { VirtualList } from "../ui/virtual-list.ts";
import { filterBar } from "./filter-bar.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";
import { ViewFrame } from "./view-frame.ts";

export class TranscriptPanel implements Panel {
  readonly #frame: ViewFrame;
  readonly #list: VirtualList<TraceRecord>;
  readonly #records = new FilteredList<TraceRecord>();
  #filter: Filter = { categories: new Set(categories.map(({ id }) => id).filter((id) => id !== "background")), text: "" };
  #version = 0;

  constructor(readonly session: Session) {
    this.#frame = new ViewFrame(session, "transcript");
    this.#list = new VirtualList({
      label: "Transcript",
      rowRem: 1.6,
      narrowRowRem: 3.9,
      empty: () => (session.hasRun ? "Nothing of what is shown here has happened yet. “Show” above chooses what is shown." : "Press Run: everything that happens is told here, a sentence each."),
      key: (record) => record.id,
      onChoose: (record) => session.select(record.id),
      row: (record) => {
        const host = session.hosts.get(record.host);
        const isCaused = record.cause !== null;
        return html`<span class="cell time">${seconds(record.at, 4)}</span>
          <span class="cell host" data-hue=${host?.hue ?? 8}><span class="shape" aria-hidden="true">${host?.shape ?? "●"}</span>${session.hosts.nameOf(record.host)}</span>
          <span class="cell sentence" data-kind=${record.kind} title=${isCaused ? "Select to see what caused it" : nothing}>${sentence(record, session.log, session.hosts.nameOf)}</span>`;
      },
    });
    this.#frame.main.append(this.#list.dom);
  }

  get dom(): HTMLElement {
    return this.#frame.dom;
  }

  update(report: PanelReport): void {
    if (concerns(report, "records", "hosts", "selection", "run")) this.#draw();
    this.#frame.update(report);
  }

  destroy(): void {
    this.#list.destroy();
    this.#frame.destroy();
  }

  #draw(): void {
    const { log, hosts, selection } = this.session;
    // A callback's end repeats its beginning unless it failed.
    const test = (record: TraceRecord): boolean =>
      !(record.kind === "callback_end" && record.error === null) && !(record.kind === "frame_carried") && matches(record, this.#filter, log, hosts.nameOf);
    if (!this.#records.update(log.records, log.generation, this.#version, test)) this.session.note("records");
    this.#list.update(this.#records.items, selection);
    render(
      html`${filterBar(this.#filter, "Filter: words of a sentence", (filter) => {
          this.#filter = filter;
          this.#version++;
          this.#draw();
        })}
        <span class="muted small-text" role="status" aria-live=${this.session.state === "running" ? "off" : "polite"}>${counted(this.#records.items.length, "line")}</span>
        <span class="spacer"></span>
        <button class="button small" aria-pressed=${this.#list.follows} @click=${() => ((this.#list.follows = !this.#list.follows), this.#draw())}>${icon("follow")}Follow</button>
        <button class="button small" @click=${() => this.#save()}>${icon("download")}Save as text</button>`,
      this.#frame.tools,
    );
  }

  #save(): void {
    const { log, hosts } = this.session;
    const lines = this.#records.items.map((record) => `${seconds(record.at)}  ${hosts.nameOf(record.host).padEnd(12)}  ${sentence(record, log, hosts.nameOf)}`);
    download("transcript.txt", `${lines.join("\n")}\n`, "text/plain");
  }
}
