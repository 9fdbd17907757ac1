/**
 * The serial terminal of one host: what it printed, and a line to type at its prompt. The PC's shell is one too.
 *
 * Lines are added to the document as they come; only the newest are kept there.
 */

import { html, render } from "lit";

import { type ConsoleBuffer, type ConsoleLine, placesIn } from "../store/console-buffer.ts";
import type { Session } from "../store/session.ts";
import { seconds } from "../trace/format.ts";
import { copy, download, fileName } from "../ui/files.ts";
import { icon } from "../ui/icons.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

/** Lines in the document; older ones stay in the buffer for copying and saving. */
const shownMax = 500;

export interface TerminalOptions {
  /** Name of the host, in the page and in file names. */
  readonly name: string;
  readonly host: () => number | undefined;
  /** Sends a line that was typed. */
  readonly send: (line: string) => void;
  readonly interrupt?: () => void;
  readonly placeholder: string;
  /** What the terminal says while it is empty. */
  readonly empty: string;
  /** Shown before the input when the host's own open line is empty. */
  readonly prompt: string;
}

export class Terminal implements Panel {
  readonly dom = document.createElement("section");
  readonly #bar = document.createElement("div");
  readonly #scroll = document.createElement("div");
  readonly #lines = document.createElement("div");
  readonly #form = document.createElement("form");
  readonly #prompt = document.createElement("span");
  readonly #input = document.createElement("input");
  readonly #history: string[] = [];
  #historyAt = 0;
  #buffer: ConsoleBuffer | null = null;
  #shown = 0;
  #follows = true;
  #scrolledTo = 0;
  /** Told after layout of lines that came and panes that changed: asking for heights before would lay out once per terminal. */
  readonly #resized = new ResizeObserver(() => this.#stayAtEnd());

  constructor(
    readonly session: Session,
    readonly options: TerminalOptions,
  ) {
    this.dom.className = "terminal";
    this.dom.setAttribute("aria-label", `Console of ${options.name}`);
    this.#bar.className = "terminal-bar";
    this.#scroll.className = "terminal-scroll";
    this.#scroll.tabIndex = 0;
    this.#scroll.setAttribute("role", "log");
    this.#scroll.setAttribute("aria-label", `Output of ${options.name}`);
    this.#lines.className = "terminal-lines";
    this.#form.className = "terminal-form";
    this.#prompt.className = "terminal-prompt";
    this.#prompt.setAttribute("aria-hidden", "true");
    this.#input.className = "terminal-input";
    this.#input.placeholder = options.placeholder;
    this.#input.autocomplete = "off";
    this.#input.spellcheck = false;
    this.#input.setAttribute("autocapitalize", "off");
    this.#input.setAttribute("aria-label", `Type to ${options.name}`);
    this.#form.append(this.#prompt, this.#input);
    this.#scroll.append(this.#lines, this.#form);
    this.dom.append(this.#bar, this.#scroll);

    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#scroll.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = this.#scroll;
      if (scrollTop + clientHeight >= scrollHeight - 24) this.#follows = true;
      else if (scrollTop < this.#scrolledTo) this.#follows = false;
      this.#scrolledTo = scrollTop;
    });
    this.#scroll.addEventListener("mouseup", () => {
      if (document.getSelection()?.isCollapsed !== false && (this.#scroll.getRootNode() as Document | ShadowRoot).activeElement === this.#scroll) this.#input.focus({ preventScroll: true });
    });
    for (const part of [this.#scroll, this.#lines, this.#form]) this.#resized.observe(part);
    this.#drawBar();
    this.#drawPrompt();
    this.#drawEmpty();
  }

  update(report: PanelReport): void {
    if (concerns(report, "settings")) {
      this.#redraw();
      this.#drawBar();
    }
    if (concerns(report, "run")) this.#input.disabled = this.session.state === "stopped";
    if (concerns(report, "consoles", "run", "hosts")) this.#draw();
  }

  destroy(): void {
    this.#resized.disconnect();
    this.dom.remove();
  }

  focus(): void {
    this.#input.focus();
  }

  #drawBar(): void {
    const { name } = this.options;
    const settings = this.session.settings;
    render(
      html`<span class="terminal-title">${name}</span>
        <button
          class="button quiet small"
          aria-pressed=${settings.timestamps}
          title="Show the virtual time of every line"
          @click=${() => this.session.saveSettings({ ...settings, timestamps: !settings.timestamps })}
        >
          Times
        </button>
        <button class="button quiet icon-only small" aria-label=${`Copy the output of ${name}`} title="Copy" @click=${() => copy(this.#text())}>${icon("copy")}</button>
        <button
          class="button quiet icon-only small"
          aria-label=${`Save the output of ${name} as a file`}
          title="Save as a file"
          @click=${() => download(`${fileName(name)}.log`, this.#text(), "text/plain")}
        >
          ${icon("download")}
        </button>
        <button
          class="button quiet icon-only small"
          aria-label=${`Clear the console of ${name}`}
          title="Clear"
          @click=${() => {
            this.#buffer?.clear();
            this.#redraw();
          }}
        >
          ${icon("clear")}
        </button>`,
      this.#bar,
    );
  }

  #text(): string {
    return this.#buffer?.text() ?? "";
  }

  #redraw(): void {
    this.#lines.replaceChildren();
    this.#shown = 0;
    this.#draw();
  }

  #draw(): void {
    const host = this.options.host();
    const buffer = host === undefined ? null : (this.session.consoles.get(host) ?? null);
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#lines.replaceChildren();
      this.#shown = 0;
      this.#follows = true;
    }
    if (buffer) this.#append(buffer);
    if (this.#lines.childElementCount === 0) this.#drawEmpty();
    this.#drawPrompt();
  }

  #stayAtEnd(): void {
    if (this.#follows) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  #append(buffer: ConsoleBuffer): void {
    const fresh = buffer.lines.slice(Math.max(0, buffer.lines.length - (buffer.count - this.#shown)));
    if (fresh.length === 0) return;
    if (this.#shown === 0) this.#lines.replaceChildren();
    const piece = document.createDocumentFragment();
    for (const line of fresh.slice(-shownMax)) piece.append(this.#line(line));
    this.#lines.append(piece);
    this.#shown = buffer.count;
    for (let spare = this.#lines.childElementCount - shownMax; spare > 0; spare--) this.#lines.firstElementChild?.remove();
  }

  #line(line: ConsoleLine): HTMLElement {
    const dom = document.createElement("div");
    dom.className = line.kind === "remark" ? "line remark" : isError(line.text) ? "line error" : "line";
    if (this.session.settings.timestamps) {
      const time = document.createElement("span");
      time.className = "line-time";
      time.textContent = seconds(line.atMs * 1000, 3);
      dom.append(time);
    }
    if (line.kind === "remark") {
      dom.append(`— ${line.text} —`);
      return dom;
    }
    let from = 0;
    for (const place of placesIn(line.text)) {
      dom.append(line.text.slice(from, place.start));
      const link = document.createElement("button");
      link.className = "place";
      link.textContent = line.text.slice(place.start, place.end);
      link.title = `Show line ${place.line} of ${place.file}`;
      link.addEventListener("click", () => this.session.goTo({ board: this.options.name, file: place.file, line: place.line }));
      dom.append(link);
      from = place.end;
    }
    dom.append(line.text.slice(from) || "\u200b");
    return dom;
  }

  #drawEmpty(): void {
    if (this.#lines.childElementCount > 0) return;
    const dom = document.createElement("p");
    dom.className = "terminal-empty";
    dom.textContent = this.options.empty;
    this.#lines.replaceChildren(dom);
    this.#shown = 0;
  }

  #drawPrompt(): void {
    const open = this.#buffer?.open ?? "";
    this.#prompt.textContent = open === "" ? this.options.prompt : open;
  }

  #send(): void {
    const line = this.#input.value;
    this.#input.value = "";
    if (line !== "" && this.#history.at(-1) !== line) this.#history.push(line);
    this.#historyAt = this.#history.length;
    this.#follows = true;
    this.options.send(line);
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "c" && event.ctrlKey && this.options.interrupt && document.getSelection()?.isCollapsed !== false) {
      event.preventDefault();
      this.options.interrupt();
      return;
    }
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (step === 0) return;
    event.preventDefault();
    this.#historyAt = Math.min(this.#history.length, Math.max(0, this.#historyAt + step));
    this.#input.value = this.#history[this.#historyAt] ?? "";
  }
}

function isError(text: string): boolean {
  return /^(Lua error:|PANIC|.*\.lua:\d+: )/.test(text);
}
