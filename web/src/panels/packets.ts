/** The packet list: one line per frame, its layers and bytes, and the stream it belongs to. */

import { html, nothing, render, type TemplateResult } from "lit";

import type { FrameView as FrameDetail } from "../generated/FrameView.ts";
import type { Stream } from "../generated/Stream.ts";
import { byteCount, hexRows, latin1, printable } from "../packets/bytes.ts";
import { frameTest, type FrameTest } from "../packets/filter.ts";
import type { Session } from "../store/session.ts";
import { dropText } from "../trace/describe.ts";
import { FilteredList } from "../trace/filter.ts";
import { counted, seconds } from "../trace/format.ts";
import type { FrameView } from "../trace/log.ts";
import { showDialog } from "../ui/dialog.ts";
import { download, fileName } from "../ui/files.ts";
import { icon } from "../ui/icons.ts";
import { VirtualList } from "../ui/virtual-list.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

const hexBytesMax = 1600;

export class PacketsPanel implements Panel {
  readonly dom = document.createElement("div");
  readonly #tools = document.createElement("div");
  readonly #list: VirtualList<FrameView>;
  readonly #detail = document.createElement("div");
  readonly #frames = new FilteredList<FrameView>();
  #text = "";
  #test: FrameTest;
  #version = 0;
  #shown: FrameDetail | null = null;
  #asked: number | null = null;
  #marked: { readonly start: number; readonly end: number } | null = null;

  constructor(readonly session: Session) {
    this.dom.className = "view packets";
    this.#tools.className = "view-tools";
    this.#detail.className = "packet-detail";
    this.#test = frameTest("", session.hosts);
    this.#list = new VirtualList({
      label: "Frames",
      rowRem: 1.55,
      empty: () => (session.log.frames.length > 0 ? "No frame fits the filter." : session.hasRun ? "No host has sent a frame yet." : "Press Run: every frame on the network is listed here."),
      key: (frame) => frame.id,
      onChoose: (frame) => session.select(frame.id),
      rowSentence: (frame) => frame.summary.sentence,
      row: (frame) => this.#row(frame),
    });
    const head = document.createElement("div");
    head.className = "packet-head";
    head.setAttribute("aria-hidden", "true");
    render(["No.", "Time", "Source", "Destination", "Protocol", "What it says"].map((name) => html`<span>${name}</span>`), head);
    const lists = document.createElement("div");
    lists.className = "packet-lists";
    lists.append(head, this.#list.dom);
    const body = document.createElement("div");
    body.className = "view-body packet-body";
    body.append(lists, this.#detail);
    this.dom.append(this.#tools, body);
  }

  update(report: PanelReport): void {
    if (concerns(report, "records", "hosts", "run", "selection")) this.#draw();
    if (concerns(report, "selection", "run")) this.#ask();
    // The first frame changes what an empty detail says.
    else if (this.#shown === null && concerns(report, "records")) this.#drawDetail();
  }

  destroy(): void {
    this.#list.destroy();
    this.dom.remove();
  }

  #row(frame: FrameView): TemplateResult {
    const { summary } = frame;
    const host = this.session.hosts.get(frame.host);
    const isLost = frame.drops.length > 0 && frame.arrivals.length === 0;
    return html`<span class="cell number">${frame.number}</span>
      <span class="cell time">${seconds(frame.sentAt, 4)}</span>
      <span class="cell host" data-hue=${host?.hue ?? 8} title=${host?.name ?? ""}><span class="shape" aria-hidden="true">${host?.shape ?? "●"}</span>${summary.source}</span>
      <span class="cell">${summary.destination}</span>
      <span class="cell protocol" data-protocol=${summary.protocol}>${summary.protocol}</span>
      <span class="cell info">${isLost ? html`<b class="lost">✕ lost</b> ` : nothing}${frame.refusals.map((text) => html`<b class="lost">⊘ ${text}</b> `)}${summary.summary}</span>`;
  }

  #draw(): void {
    const { log, selection } = this.session;
    if (!this.#frames.update(log.frames, log.generation, this.#version, this.#test)) this.session.note("records");
    const record = selection === null ? undefined : log.get(selection);
    this.#list.update(this.#frames.items, record ? (log.frameOf(record)?.id ?? null) : null);
    const count = this.#frames.items.length;
    render(
      html`<label class="search wide">${icon("search")}<span class="visually-hidden">Filter the frames</span>
          <input
            class="small"
            type="search"
            .value=${this.#text}
            placeholder="tcp, dns, port 80, host server, data, lost, not arp…"
            @input=${(event: Event) => this.#filter((event.target as HTMLInputElement).value)}
          />
        </label>
        <span class="muted small-text" role="status" aria-live=${this.session.state === "running" ? "off" : "polite"}>${count === log.frames.length ? counted(count, "frame") : `${count} of ${counted(log.frames.length, "frame")}`}</span>
        <span class="spacer"></span>
        <button class="button small" aria-pressed=${this.#list.follows} @click=${() => ((this.#list.follows = !this.#list.follows), this.#draw())}>${icon("follow")}Follow</button>
        <button class="button small" title="The frames shown, for Wireshark and other tools" ?disabled=${log.frames.length === 0} @click=${() => this.#save()}>${icon("download")}pcapng</button>`,
      this.#tools,
    );
  }

  #filter(text: string): void {
    this.#text = text;
    this.#test = frameTest(text, this.session.hosts);
    this.#version++;
    this.#draw();
  }

  async #save(): Promise<void> {
    const frames = this.#text.trim() === "" ? null : this.#frames.items.map((frame) => frame.id);
    const bytes = await this.session.client.query("pcapng", { frames });
    download(`${fileName(this.session.lab.title ?? "lab")}.pcapng`, bytes as Uint8Array<ArrayBuffer>, "application/octet-stream");
  }

  #ask(): void {
    const { log, selection } = this.session;
    const record = selection === null ? undefined : log.get(selection);
    const frame = record && log.frameOf(record);
    const id = frame?.id ?? null;
    if (id === this.#asked && (id !== null || this.#shown === null)) {
      if (id === null) this.#drawDetail();
      return;
    }
    this.#asked = id;
    this.#marked = null;
    if (id === null) {
      this.#shown = null;
      this.#drawDetail();
      return;
    }
    this.session.client.query("frame", { id }).then(
      (detail) => {
        if (this.#asked !== id) return;
        this.#shown = detail;
        this.#drawDetail();
      },
      () => undefined,
    );
  }

  #drawDetail(): void {
    const detail = this.#shown;
    const frame = detail ? this.session.log.frame(detail.summary.frame) : undefined;
    if (!detail || !frame) {
      render(html`<p class="empty-note">${this.session.log.frames.length === 0 ? "Frames appear here as soon as a host sends one." : "Select a frame to take it apart."}</p>`, this.#detail);
      return;
    }
    const { session } = this;
    const canFollow = frame.socket !== null || detail.summary.transport !== null;
    render(
      html`<div class="packet-say">
          <p class="sentence">${detail.summary.sentence}</p>
          ${frame.drops.map((drop) => html`<p class="bad-text">✕ Lost after ${seconds(drop.at - frame.sentAt, 4)} s: ${dropText(drop.reason)}.</p>`)}
          ${frame.arrivals.map((arrival) => html`<p class="muted small-text">Arrived at ${session.hosts.nameOf(arrival.host)} after ${seconds(arrival.at - frame.sentAt, 4)} s.</p>`)}
          <div class="packet-actions">
            ${canFollow ? html`<button class="button small" @click=${() => this.#follow(frame)}>Follow the stream</button>` : nothing}
            <button class="button small" @click=${() => session.openView("sequence")}>In the sequence</button>
            <button class="button small" @click=${() => session.openView("timeline")}>What caused it</button>
          </div>
        </div>
        <div class="layers">
          ${detail.layers.map(
            (layer) => html`<details class="layer" ?open=${layer === detail.layers.at(-1)}>
              <summary @pointerenter=${() => this.#mark(layer)} @focus=${() => this.#mark(layer)}><b>${layer.name}</b> ${layer.summary}</summary>
              <dl>
                ${layer.fields.map(
                  (field) => html`<div class="field-row" tabindex="0" @pointerenter=${() => this.#mark(field)} @focus=${() => this.#mark(field)}>
                    <dt>${field.name}</dt>
                    <dd>${field.value}${field.error ? html` <b class="bad-text">${field.error}</b>` : nothing}</dd>
                  </div>`,
                )}
              </dl>
            </details>`,
          )}
        </div>
        <div class="hex-dump" tabindex="0" role="img" aria-label=${`${detail.bytes.length} bytes in hexadecimal`}>${this.#hex(detail)}</div>`,
      this.#detail,
    );
  }

  #mark(range: { readonly start: number; readonly end: number }): void {
    this.#marked = { start: range.start, end: range.end };
    this.#drawDetail();
  }

  #hex(detail: FrameDetail): unknown {
    const marked = (index: number): boolean => this.#marked !== null && index >= this.#marked.start && index < this.#marked.end;
    const rows = hexRows(detail.bytes.subarray(0, hexBytesMax));
    return html`${rows.map(
      (row) =>
        html`<div class="hex-row"><span class="muted">${row.offset.toString(16).padStart(4, "0")}</span><span class="hex-bytes">${row.bytes.map((byte) => (marked(byte.index) ? html`<mark>${byte.hex}</mark>` : html`<i>${byte.hex}</i>`))}</span><span>${row.bytes.map((byte) => (marked(byte.index) ? html`<mark>${byte.character}</mark>` : byte.character))}</span></div>`,
    )}${detail.bytes.length > hexBytesMax ? html`<p class="muted">the first ${hexBytesMax} of ${detail.bytes.length} bytes</p>` : nothing}`;
  }

  async #follow(frame: FrameView): Promise<void> {
    const { session } = this;
    const stream = await session.client.query("stream", { frame: frame.id });
    if (!stream || stream.chunks.length === 0) {
      await showDialog("Follow the stream", () => html`<div class="dialog-body"><p>Nothing has been said in this conversation yet.</p></div>`);
      return;
    }
    await showDialog(`${stream.protocol.toUpperCase()} ${stream.local} ↔ ${stream.remote}`, (close) => streamView(stream, (id) => (session.select(id), close(""))), "wide");
  }
}

function streamView(stream: Stream, select: (frame: number) => void): TemplateResult {
  const total = (fromLocal: boolean): number => stream.chunks.filter((chunk) => chunk.fromLocal === fromLocal).reduce((sum, chunk) => sum + chunk.bytes.length, 0);
  return html`<div class="dialog-body">
    <p class="stream-legend">
      <span class="stream-from local">▶ ${stream.local} says (${byteCount(total(true))})</span>
      <span class="stream-from remote">◀ ${stream.remote} says (${byteCount(total(false))})</span>
    </p>
    <div class="stream" tabindex="0" aria-label="What both ends said">
      ${stream.chunks.map(
        (chunk) => html`<div class=${`chunk ${chunk.fromLocal ? "local" : "remote"}`}>
          <button class="place" title="Show the frame that carried it" @click=${() => select(chunk.frame)}>${chunk.fromLocal ? "▶" : "◀"} ${(chunk.atMs / 1000).toFixed(4)} s</button>
          <pre>${readable(chunk.bytes)}</pre>
        </div>`,
      )}
    </div>
    <div class="dialog-foot">
      <button type="button" class="button" @click=${() => download("stream.txt", stream.chunks.map((chunk) => latin1(chunk.bytes)).join(""), "text/plain")}>${icon("download")}Save</button>
    </div>
  </div>`;
}

/** Lines stay lines; everything unprintable is shown as an escape. */
function readable(bytes: Uint8Array): string {
  return latin1(bytes)
    .split("\n")
    .map((line) => printable(line.replace(/\r$/, "")))
    .join("\n");
}
