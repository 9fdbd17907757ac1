/**
 * A mounted playground: program, buttons, consoles and one picture, over the same session, editor and panels as the page's.
 *
 * Where there is room the picture stands beside the console; else all of them are tabs of one pane.
 */

import { html, nothing, render, type TemplateResult } from "lit";

import { Editor } from "../editor/editor.ts";
import type { StartWorker } from "../engine/client.ts";
import { failureText } from "../engine/failure.ts";
import type { Lab } from "../engine/lab.ts";
import type { Report } from "../generated/Report.ts";
import { boardTerminal, pcTerminal } from "../panels/consoles.ts";
import { LadderPanel } from "../panels/ladder.ts";
import { PacketsPanel } from "../panels/packets.ts";
import { concerns, type PanelReport } from "../panels/panel.ts";
import { type Tab, TabbedPane } from "../panels/tabbed.ts";
import { TimelinePanel } from "../panels/timeline.ts";
import { boardLook } from "../store/hosts.ts";
import { boardOf, boardsOf, withFile } from "../store/labs.ts";
import { Library } from "../store/library.ts";
import { Session } from "../store/session.ts";
import { icon } from "../ui/icons.ts";
import { moveInTabs } from "../ui/popover.ts";
import type { Place, Player } from "./delivery.ts";
import type { Command, Files, PlayState } from "./interface.ts";
import { playgroundLink } from "./link.ts";
import { textFiles, type VisibleFile } from "./snippet.ts";
import { adoptStyles } from "./styles.ts";

declare const PLAYGROUND_VERSION: string;

/** From this width on, in units of text, the picture stands beside the console. */
const wideFromRem = 40;

const pictures: readonly Tab[] = [
  { id: "sequence", title: "Sequence", load: (session) => new LadderPanel(session) },
  { id: "timeline", title: "Timeline", load: (session) => new TimelinePanel(session) },
  { id: "packets", title: "Packets", load: (session) => new PacketsPanel(session) },
];

export function mountPlayer(place: Place, startWorker: StartWorker): Player {
  return new EmbeddedPlayer(place, startWorker);
}

class EmbeddedPlayer implements Player {
  readonly #session: Session;
  readonly #bar = document.createElement("div");
  readonly #notes = document.createElement("div");
  readonly #code = document.createElement("div");
  readonly #editor: Editor;
  readonly #output = document.createElement("div");
  readonly #consoles: TabbedPane;
  readonly #pictures: TabbedPane;
  readonly #link: HTMLAnchorElement | null;
  readonly #resize: ResizeObserver;
  readonly #decoders = new Map<number, TextDecoder>();
  #author: Lab;
  #visible: readonly VisibleFile[];
  #isWide = false;
  #isReady = false;
  #state: PlayState = "loading";
  #told: Lab;
  #checks = "";
  #frame = 0;

  constructor(
    readonly place: Place,
    startWorker: StartWorker,
  ) {
    const { content } = place;
    this.#author = content.lab;
    this.#told = content.lab;
    this.#visible = content.visible;
    // Nothing of an embedded playground is kept: the author's page is where it comes from.
    const session = new Session(new Library(null, () => {}), content.lab, "embedded", startWorker, false);
    this.#session = session;
    session.onReport = (report) => this.#tell(report);
    session.view = place.views.find((view) => pictures.some(({ id }) => id === view)) ?? "sequence";
    session.stage = place.views[0] === session.view ? session.view : place.views[0] === "pc" ? "pc" : "console";
    const first = content.visible[0];
    if (first) session.openFile(first.board, first.file);

    this.#bar.className = "embed-bar";
    this.#notes.setAttribute("role", "status");
    this.#code.className = "embed-code";
    this.#output.className = "embed-output";
    this.#output.hidden = true;
    this.#editor = new Editor(session, place.root);
    this.#consoles = new TabbedPane(session, { label: "Consoles", className: "consoles", onOpen: (id) => this.#open(id) });
    this.#pictures = new TabbedPane(session, { label: "Pictures", className: "pictures", onOpen: (id) => session.openView(id) });
    this.#link = place.site === null ? null : playgroundLink(place.site, () => session.lab, [openWord(), " ↗"]);
    this.#code.append(this.#editor.dom);
    this.#output.append(this.#consoles.dom, this.#pictures.dom);

    adoptStyles(place.root);
    place.box.replaceChildren(this.#bar, this.#notes, this.#code, this.#output);
    this.#setTextSize();
    this.#resize = new ResizeObserver(() => this.#measure());
    this.#resize.observe(place.box);
    place.box.addEventListener("keydown", this.#key);
    this.#measure();
    session.note("lab", "open", "run", "settings", "view");
    this.#tick();
  }

  get lab(): Lab {
    return this.#session.lab;
  }

  focus(): void {
    this.#editor.focus();
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#resize.disconnect();
    this.place.box.removeEventListener("keydown", this.#key);
    for (const part of [this.#editor, this.#consoles, this.#pictures]) part.destroy();
    this.#session.destroy();
  }

  send(command: Command): void {
    const session = this.#session;
    switch (command.type) {
      case "load":
      case "watch":
        return;
      case "run":
        return session.run();
      case "stop":
        return session.stop();
      case "pause":
        return session.setPaused(command.paused);
      case "speed":
        return session.setSpeed(command.speed);
      case "reset":
        return this.#reset(this.#author);
      case "setLab": {
        this.#author = command.lab;
        this.#visible = textFiles(command.lab);
        return this.#reset(command.lab);
      }
      case "setFiles":
        return this.#setFiles(command.files, command.board ?? this.#firstBoard());
      case "type":
        return session.input({ type: "console", board: command.board ?? this.#firstBoard(), text: command.text });
      case "input":
        return session.input(command.input);
    }
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
    event.preventDefault();
    this.send({ type: "run" });
  };

  #firstBoard(): string {
    return boardsOf(this.#session.lab)[0]?.name ?? "";
  }

  #reset(lab: Lab): void {
    const session = this.#session;
    session.openLab(lab, "embedded");
    const first = this.#visible[0];
    if (first) session.openFile(first.board, first.file);
  }

  #setFiles(files: Files, board: string): void {
    let { lab } = this.#session;
    for (const [name, text] of Object.entries(files)) {
      lab = withFile(lab, board, name, text);
      if (!this.#visible.some((place) => place.board === board && place.file === name) && !isHiddenIn(this.#author, board, name)) {
        this.#visible = [...this.#visible, { board, file: name }];
      }
    }
    this.#session.edit(lab, "open");
  }

  // ---- drawing

  /** The reader's own text size, whatever the page's root has. */
  #setTextSize(): void {
    const probe = document.createElement("span");
    probe.style.fontSize = "medium";
    this.place.box.append(probe);
    const size = getComputedStyle(probe).fontSize;
    probe.remove();
    if (size !== "") this.place.box.style.setProperty("--rem", size);
  }

  #measure(): void {
    const rem = Number.parseFloat(getComputedStyle(this.place.box).getPropertyValue("--rem")) || 16;
    const isWide = this.place.box.clientWidth >= wideFromRem * rem;
    if (isWide === this.#isWide) return;
    this.#isWide = isWide;
    this.#session.note("view");
  }

  /** A tab of the one pane was chosen; in it pictures and consoles take turns. */
  #open(id: string): void {
    if (pictures.some((tab) => tab.id === id)) this.#session.openView(id);
    this.#session.openStage(id);
  }

  #tick(): void {
    this.#frame = requestAnimationFrame(() => this.#tick());
    const topics = this.#session.takeTopics();
    if (topics.size > 0) this.#update({ session: this.#session, topics });
  }

  #update(report: PanelReport): void {
    const session = this.#session;
    if (concerns(report, "run") && !this.#isReady && session.client.isReady) {
      this.#isReady = true;
      this.place.notify({ type: "ready", version: PLAYGROUND_VERSION });
    }
    if (concerns(report, "lab")) this.#tellFiles();
    if (concerns(report, "run")) this.#output.hidden = !session.hasRun;
    if (concerns(report, "run", "failure", "lab")) this.#tellState();
    if (concerns(report, "run", "lab", "open", "failure", "records")) this.#drawBar();
    if (concerns(report, "failure", "records", "checks", "run")) this.#drawNotes();
    this.#editor.update(report);
    if (this.#output.hidden) return;
    const consoles = this.#consoleTabs();
    this.#output.dataset["wide"] = String(this.#isWide);
    this.#pictures.dom.hidden = !this.#isWide;
    const isPicture = pictures.some(({ id }) => id === session.stage);
    if (this.#isWide) {
      this.#consoles.show(consoles, isPicture ? "console" : session.stage, report);
      this.#pictures.show(pictures, session.view, report);
    } else {
      // The details of a record lead from picture to picture.
      const open = isPicture ? session.view : session.stage;
      this.#pictures.show([], "", report);
      this.#consoles.show([...consoles, ...pictures], open, report);
    }
  }

  #consoleTabs(): readonly Tab[] {
    const session = this.#session;
    const boards = boardsOf(session.lab);
    const tabs: Tab[] = boards.map((board, index) => {
      const { hue, shape } = boardLook(index);
      return {
        id: index === 0 ? "console" : `console-${board.name}`,
        title: boards.length === 1 ? "Console" : board.name,
        mark: boards.length === 1 ? nothing : html`<span class="shape" aria-hidden="true">${shape}</span>`,
        hue,
        load: () => boardTerminal(session, board.name),
      };
    });
    tabs.push({ id: "pc", title: "PC", load: () => pcTerminal(session) });
    return tabs;
  }

  #drawBar(): void {
    const session = this.#session;
    const runs = session.state !== "stopped";
    const isEdited = session.lab !== this.#author;
    const boards = boardsOf(session.lab);
    const title = ({ board, file }: VisibleFile): string => (boards.length > 1 ? `${board}: ${file}` : file);
    const tab = (place: VisibleFile): TemplateResult => {
      const isOpen = place.board === session.board && place.file === session.file;
      return html`<button role="tab" class="tab file-tab" aria-selected=${isOpen} tabindex=${isOpen ? 0 : -1} @click=${() => session.openFile(place.board, place.file)}>${title(place)}</button>`;
    };
    render(
      html`<div role="tablist" aria-label=${this.place.title || "Files"} class="tabs" @keydown=${moveInTabs}>${this.#visible.map(tab)}</div>
        ${this.#link ?? nothing}
        ${isEdited || session.hasRun
          ? html`<button class="button small" aria-label="Reset" title="Stop, and bring back the author's program" @click=${() => this.send({ type: "reset" })}>${icon("restart")}<span>Reset</span></button>`
          : nothing}
        <button class="button small" aria-label="Stop" ?disabled=${!runs} @click=${() => this.send({ type: "stop" })}>${icon("stop")}<span>Stop</span></button>
        <button class="button primary small run-button" data-stale=${session.isStale} title="Run (Ctrl+Enter)" @click=${() => this.send({ type: "run" })}>${icon("run")}<span>${runs ? "Run again" : "Run"}</span></button>`,
      this.#bar,
    );
  }

  #drawNotes(): void {
    const session = this.#session;
    const failure = session.failure && failureText(session.failure);
    const hint = session.runErrors.find((error) => error.kind === "hint");
    const { checks } = session;
    render(
      html`${failure ? html`<p class="embed-note"><b>${failure.title}.</b> ${failure.text}</p>` : nothing}
        ${checks.length > 0
          ? html`<p class="embed-note checks">${checks.map((check) => html`<span class="check" data-state=${check.state} title=${check.detail}>${check.state === "passed" ? "✓" : check.state === "failed" ? "✗" : "○"} ${check.text}</span>`)}</p>`
          : nothing}
        ${hint ? html`<p class="embed-note hint"><button class="place" @click=${() => session.goTo(hint)}>${hint.file}:${hint.line}</button> ${hint.message}</p>` : nothing}`,
      this.#notes,
    );
  }

  // ---- telling the page

  #tell(report: Report): void {
    const { place } = this;
    const { nowMs, records, frames, checks } = report;
    for (const { host, bytes } of report.consoles) {
      const text = this.#decoder(host).decode(bytes, { stream: true });
      if (text !== "") place.notify({ type: "console", board: this.#session.hosts.nameOf(host), text, nowMs });
    }
    if (records.length > 0) place.notify({ type: "trace", records, frames, nowMs });
    const standing = JSON.stringify(checks.map(({ state }) => state));
    if (checks.length > 0 && standing !== this.#checks) place.notify({ type: "checks", checks });
    this.#checks = standing;
  }

  #decoder(host: number): TextDecoder {
    const decoder = this.#decoders.get(host) ?? new TextDecoder();
    this.#decoders.set(host, decoder);
    return decoder;
  }

  #tellState(): void {
    const session = this.#session;
    const state: PlayState = session.failure ? "failed" : !this.#isReady ? "loading" : session.state !== "stopped" ? session.state : session.hasRun ? "stopped" : "ready";
    if (state === this.#state) return;
    this.#state = state;
    this.place.notify({ type: "state", state, nowMs: session.nowMs });
    if (session.failure) this.place.notify({ type: "failure", ...failureText(session.failure) });
  }

  #tellFiles(): void {
    const { lab } = this.#session;
    for (const { name, files = {} } of boardsOf(lab)) {
      const old = boardOf(this.#told, name)?.files ?? {};
      const changed = Object.entries(files).filter(([file, content]) => typeof content === "string" && content !== old[file]) as [string, string][];
      if (changed.length > 0) this.place.notify({ type: "files", board: name, files: Object.fromEntries(changed) });
    }
    this.#told = lab;
  }
}

/** Left out where the bar is narrow. */
function openWord(): HTMLElement {
  const word = document.createElement("span");
  word.textContent = "Open";
  return word;
}

/** Whether the author has such a file and does not show it. */
function isHiddenIn(lab: Lab, board: string, file: string): boolean {
  return boardOf(lab, board)?.files?.[file] !== undefined;
}
