/**
 * The page's frame: lays the panes out and hands every change to the panels, once per animation frame.
 *
 * Views that are not needed for the first look are loaded when they are first opened.
 */

import { html, nothing, render } from "lit";

import { failureText } from "./engine/failure.ts";
import type { Example } from "./examples/example.ts";
import { CodePane } from "./panels/code-pane.ts";
import { AllConsoles, boardTerminal, pcTerminal } from "./panels/consoles.ts";
import type { PanelReport } from "./panels/panel.ts";
import { type Tab, TabbedPane } from "./panels/tabbed.ts";
import { Consent, drawRoomNote } from "./panels/room.ts";
import { newId, TopBar } from "./panels/top-bar.ts";
import { boardsOf } from "./store/labs.ts";
import { boardLook } from "./store/hosts.ts";
import type { Session, Topic } from "./store/session.ts";
import type { debugBar, wayOfKey } from "./panels/debug-bar.ts";
import { DrawPace } from "./ui/draw-pace.ts";
import { icon } from "./ui/icons.ts";
import { split } from "./ui/split.ts";

type PaneName = "code" | "stage" | "views";

const views: readonly Tab[] = [
  { id: "timeline", title: "Timeline", load: async (session) => new (await import("./panels/timeline.ts")).TimelinePanel(session) },
  { id: "sequence", title: "Sequence", load: async (session) => new (await import("./panels/ladder.ts")).LadderPanel(session) },
  { id: "packets", title: "Packets", load: async (session) => new (await import("./panels/packets.ts")).PacketsPanel(session) },
  { id: "transcript", title: "Transcript", load: async (session) => new (await import("./panels/transcript.ts")).TranscriptPanel(session) },
  { id: "network", title: "Network", load: async (session) => new (await import("./panels/network.ts")).NetworkPanel(session) },
  { id: "ping", title: "Ping", load: async (session) => new (await import("./panels/ping.ts")).PingPanel(session) },
  { id: "dns", title: "DNS", load: async (session) => new (await import("./panels/dns.ts")).DnsPanel(session) },
  { id: "debugger", title: "Debugger", load: async (session) => new (await import("./panels/debugger.ts")).DebuggerPanel(session) },
];

/** Only a room's teacher has it. */
const classView: Tab = { id: "class", title: "Class", load: async (session) => new (await import("./panels/class.ts")).ClassPanel(session) };

/** What a run changes by itself, many times a second. */
const ofTheRun: ReadonlySet<Topic> = new Set<Topic>(["boards", "clock", "consoles", "fetches", "files", "hosts", "map", "records"]);

/** Views that draw the network's present state and so need the map. */
const mapViews: readonly string[] = ["network", "dns", "ping"];

export class Shell {
  readonly dom = document.createElement("div");
  readonly #topBar: TopBar;
  readonly #code: CodePane;
  readonly #stage: TabbedPane;
  readonly #views: TabbedPane;
  readonly #notes = document.createElement("section");
  readonly #roomNotes = document.createElement("section");
  readonly #consent: Consent;
  #wasTeacher = false;
  readonly #debugBar = document.createElement("section");
  /** Loaded when a program may stop for the first time. */
  #debug: { readonly debugBar: typeof debugBar; readonly wayOfKey: typeof wayOfKey } | null = null;
  #stops = 0;
  readonly #toasts = document.createElement("div");
  readonly #paneBar = document.createElement("nav");
  #pane: PaneName = "code";
  #isMaximised = false;
  #frame = 0;
  readonly #pace = new DrawPace();
  #hintsDismissed = "";

  constructor(readonly session: Session) {
    this.dom.className = "app";
    this.#topBar = new TopBar(session, { openGallery: () => void this.openGallery(), toast: (text) => this.toast(text) });
    this.#code = new CodePane(session);
    this.#stage = new TabbedPane(session, { label: "Consoles and PC", className: "stage-pane", onOpen: (id) => session.openStage(id) });
    this.#views = new TabbedPane(session, {
      label: "Views",
      className: "views-pane",
      onOpen: (id) => session.openView(id),
      extra: () => html`<span class="spacer"></span>
        <button class="button quiet icon-only small" aria-pressed=${this.#isMaximised} aria-label="Let the views fill the window" title="Let the views fill the window" @click=${() => this.#maximise()}>${icon("expand")}</button>`,
    });
    this.#consent = new Consent(session);
    this.#roomNotes.className = "notes room-notes";
    this.#roomNotes.setAttribute("aria-label", "Notes of the room");
    this.#notes.className = "notes";
    this.#notes.setAttribute("aria-label", "Notes");
    this.#debugBar.className = "notes debug-notes";
    this.#debugBar.setAttribute("aria-label", "Debugger");
    this.#toasts.className = "toasts";
    this.#toasts.setAttribute("role", "status");
    this.#paneBar.className = "pane-bar";
    this.#paneBar.setAttribute("aria-label", "Panes");
    const { layout } = session.settings;
    const remember = (name: string) => (share: number) => session.saveSettings({ ...session.settings, layout: { ...session.settings.layout, [name]: share } });
    const top = split(this.#code.dom, this.#stage.dom, {
      direction: "row",
      label: "Width of the editor",
      share: layout["code"] ?? 0.52,
      onChange: remember("code"),
    });
    const main = document.createElement("main");
    main.append(split(top, this.#views.dom, { direction: "column", label: "Height of the editor", share: layout["top"] ?? 0.52, onChange: remember("top") }));
    this.dom.append(this.#topBar.dom, this.#roomNotes, this.#notes, this.#debugBar, main, this.#paneBar, this.#toasts);
    document.addEventListener("keydown", this.#key);
    session.note("lab", "labs", "open", "run", "settings", "view");
    this.#tick(performance.now());
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    document.removeEventListener("keydown", this.#key);
    for (const part of [this.#topBar, this.#code, this.#stage, this.#views]) part.destroy();
    this.session.destroy();
    this.dom.remove();
  }

  toast(text: string): void {
    const dom = document.createElement("p");
    dom.className = "toast";
    dom.textContent = text;
    this.#toasts.append(dom);
    setTimeout(() => dom.remove(), 5000);
  }

  async openGallery(): Promise<void> {
    const { showGallery } = await import("./panels/gallery.ts");
    const example = await showGallery();
    if (example) this.openExample(example);
  }

  /** Opens a copy of `example` and starts it. */
  openExample(example: Example): void {
    const { session } = this;
    session.openLab(example.lab, newId());
    session.view = example.view ?? "timeline";
    session.stage = example.stage ?? "console";
    session.run();
    session.note("view");
  }

  #tick(now: number): void {
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
    const { topics } = this.session;
    if (topics.size === 0) return;
    const isUrgent = [...topics].some((topic) => !ofTheRun.has(topic));
    if (this.#pace.isDue(now, isUrgent)) this.#update({ session: this.session, topics: this.session.takeTopics() });
  }

  #update(report: PanelReport): void {
    const { session } = this;
    if (report.topics.has("settings")) this.#applySettings();
    for (const remark of session.remarks.splice(0)) this.toast(remark);
    this.#topBar.update(report);
    if (report.topics.has("failure") || report.topics.has("debug") || report.topics.has("run") || report.topics.has("lab") || report.topics.has("records") || report.topics.has("checks")) this.#drawNotes();
    if (report.topics.has("debug") || report.topics.has("run") || report.topics.has("lab")) this.#drawDebugBar();
    this.#code.update(report);
    this.#stage.show(this.#stageTabs(), session.stage, report);
    if (report.topics.has("room")) this.#updateRoom();
    if (report.topics.has("lab")) session.room.showAgain();
    this.#views.show(session.room.isTeacher ? [classView, ...views] : views, session.view, report);
    this.session.client.wantMap(mapViews.includes(session.view));
    this.#drawPaneBar();
  }

  #updateRoom(): void {
    const { session } = this;
    drawRoomNote(session, this.#roomNotes);
    this.#consent.update();
    if (session.room.isTeacher === this.#wasTeacher) return;
    this.#wasTeacher = session.room.isTeacher;
    session.openView(this.#wasTeacher ? "class" : "timeline");
  }

  #stageTabs(): readonly Tab[] {
    const { session } = this;
    const boards = boardsOf(session.lab);
    const tabs: Tab[] = boards.map((board, index) => {
      const { hue, shape } = boardLook(index);
      return {
        id: boards.length === 1 && index === 0 ? "console" : `console-${board.name}`,
        title: boards.length === 1 ? "Console" : board.name,
        mark: boards.length === 1 ? nothing : html`<span class="shape" aria-hidden="true">${shape}</span>`,
        hue,
        about: board.name,
        load: () => boardTerminal(session, board.name),
      };
    });
    if (boards.length > 1) tabs.unshift({ id: "console", title: "All consoles", load: () => new AllConsoles(session) });
    tabs.push({ id: "pc", title: "PC terminal", load: () => pcTerminal(session) });
    tabs.push({ id: "browser", title: "PC browser", load: async () => new (await import("./panels/browser.ts")).BrowserPanel(session) });
    return tabs;
  }

  #drawNotes(): void {
    const { session } = this;
    const failure = session.failure && failureText(session.failure);
    const watch = session.lab.description ?? "";
    const hints = session.runErrors.filter((error) => error.kind === "hint");
    const { checks } = session;
    render(
      html`${failure
        ? html`<div class="note bad" role="alert">${icon("warning")}<span><b>${failure.title}.</b> ${failure.text}</span>
            <button class="button small" @click=${() => session.run()}>Run</button></div>`
        : nothing}
      ${watch !== "" && !session.debug.isActive && this.#hintsDismissed !== session.labId
        ? html`<div class="note watch"><b>What to watch</b><span>${watch}</span>
            <button class="button quiet icon-only small" aria-label="Hide what to watch" @click=${() => ((this.#hintsDismissed = session.labId), this.#drawNotes())}>${icon("close")}</button></div>`
        : nothing}
      ${checks.length > 0
        ? html`<div class="note checks" role="status">${checks.map((check) => html`<span class="check" data-state=${check.state} title=${check.detail}>${check.state === "passed" ? "✓" : check.state === "failed" ? "✗" : "○"} ${check.text}</span>`)}</div>`
        : nothing}
      ${hints.length > 0
        ? html`<details class="note hint"><summary>${icon("hint")}${hints.length === 1 ? "One hint" : `${hints.length} hints`}: <span class="hint-first">${hints[0]?.message}</span></summary>
            <ul>${hints.map((hint) => html`<li><button class="place" @click=${() => session.goTo(hint)}>${hint.board} ${hint.file}:${hint.line}</button> ${hint.message}</li>`)}</ul></details>`
        : nothing}`,
      this.#notes,
    );
  }

  #drawDebugBar(): void {
    const { debug } = this.session;
    // Whoever meets the first stop of a run on a phone should see its line.
    if (debug.stops === 1 && this.#stops === 0) this.#pane = "code";
    this.#stops = debug.stops;
    if (!this.#debug) {
      if (debug.isActive) void import("./panels/debug-bar.ts").then((loaded) => ((this.#debug = loaded), this.#drawDebugBar()));
      return;
    }
    render(debug.isActive ? this.#debug.debugBar(this.session) : nothing, this.#debugBar);
  }

  /** Keys of the whole page, wherever the focus is, but for dialogs. Those of the debugger are its own only while its bar is there: F5 reloads the page else. */
  readonly #key = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const { debug } = this.session;
    const how = debug.isActive ? this.#debug?.wayOfKey(event) : null;
    if (how) {
      event.preventDefault();
      debug.resume(how);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.session.run();
    }
  };

  #drawPaneBar(): void {
    const choices: readonly { readonly pane: PaneName; readonly title: string }[] = [
      { pane: "code", title: "Code" },
      { pane: "stage", title: "Consoles" },
      { pane: "views", title: "Views" },
    ];
    this.dom.dataset["pane"] = this.#pane;
    this.dom.dataset["maximised"] = String(this.#isMaximised);
    render(
      choices.map(
        ({ pane, title }) =>
          html`<button aria-current=${pane === this.#pane ? "true" : nothing} @click=${() => ((this.#pane = pane), this.session.note("view"))}>${title}</button>`,
      ),
      this.#paneBar,
    );
  }

  #maximise(): void {
    this.#isMaximised = !this.#isMaximised;
    this.session.note("view");
  }

  #applySettings(): void {
    const { theme, textSize } = this.session.settings;
    const root = document.documentElement;
    if (theme === "auto") delete root.dataset["theme"];
    else root.dataset["theme"] = theme;
    root.style.fontSize = textSize === 100 ? "" : `${textSize}%`;
  }
}
