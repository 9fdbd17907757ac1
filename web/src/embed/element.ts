/**
 * `<nodemcu-playground>`: shows a program at once, and becomes an editor with a board behind it when somebody asks for that.
 *
 * This file and what it imports are all that a page loads before the first run, so it stays small: no editor, no engine, no library.
 * Before the element comes into sight it does nothing at all; the author's code block shows as it is.
 */

import type { Lab } from "../engine/lab.ts";
import type { Delivery, Player } from "./delivery.ts";
import posterCss from "./poster.css?inline";
import { highlighted } from "./highlight.ts";
import type { Command, Files, Input, Notice, PlaygroundEvents, PlayState } from "./interface.ts";
import { playgroundLink } from "./link.ts";
import { type Written, readElement } from "./markup.ts";
import { isDarkAround, watchTheme } from "./theme.ts";

export const elementName = "nodemcu-playground";

declare global {
  interface HTMLElementTagNameMap {
    "nodemcu-playground": PlaygroundElement;
  }

  interface HTMLElementEventMap extends PlaygroundEvents {}

  interface DocumentEventMap extends PlaygroundEvents {}
}

/** How far outside of the window a block is prepared, so that nobody sees it change. */
const nearby = "400px";
/** Code blocks that an element without one of its own may stand after. */
const blockBefore = "pre, textarea, div[class*='language-'], div[class*='highlight']";

let delivery: Delivery | null = null;
let sheet: CSSStyleSheet | null = null;

/** Says where the heavy part comes from. To be called before elements are shown. */
export function deliverBy(way: Delivery): void {
  delivery = way;
}

/** Elements that wait to come into sight share one observer. */
const awaited = new Map<Element, () => void>();
let sight: IntersectionObserver | null = null;

function whenSeen(element: Element, show: () => void): void {
  sight ??= new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) seen(target);
    },
    { rootMargin: nearby },
  );
  awaited.set(element, show);
  sight.observe(element);
}

function seen(element: Element): void {
  const show = awaited.get(element);
  sight?.unobserve(element);
  awaited.delete(element);
  show?.();
}

/** Elements on pages whose markup is rendered on a server must be importable there. */
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

export class PlaygroundElement extends Base {
  static readonly observedAttributes = ["height", "theme"];

  #written: Written | null = null;
  #box: HTMLElement | null = null;
  #block: HTMLElement | null = null;
  #player: Player | null = null;
  #loading: Promise<void> | null = null;
  #state: PlayState = "idle";
  #early: Command[] = [];
  #endTheme: (() => void) | null = null;

  connectedCallback(): void {
    if (this.#box) {
      this.#watchTheme();
      return;
    }
    // The parser may not have reached the code yet.
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => this.#await(), { once: true });
    else this.#await();
  }

  disconnectedCallback(): void {
    this.#endTheme?.();
    this.#endTheme = null;
    sight?.unobserve(this);
    awaited.delete(this);
    // An element that is only moved is connected again at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#player?.destroy();
      this.#player = null;
      this.#loading = null;
      this.#box?.remove();
      this.#box = null;
      if (this.#block) this.#block.hidden = false;
      this.#setState("idle");
    });
  }

  attributeChangedCallback(): void {
    if (this.#box) this.#dress();
  }

  // ---- the interface of scripts

  get state(): PlayState {
    return this.#state;
  }

  /** The lab as it is now: the author's, with what was edited. */
  get lab(): Lab {
    return this.#player?.lab ?? this.#read().content.lab;
  }

  /** The text files of the first board. */
  get files(): Files {
    const files = this.lab.boards?.[0]?.files ?? {};
    return Object.fromEntries(Object.entries(files).flatMap(([name, content]) => (typeof content === "string" ? [[name, content]] : [])));
  }

  /** Obeys a command; what needs the engine loads it. */
  send(command: Command): void {
    if (this.#player) return this.#player.send(command);
    if (command.type === "stop" || command.type === "watch") return;
    this.#early.push(command);
    void this.#load();
  }

  /** Loads the engine without running; resolves when commands are obeyed at once. */
  load(): Promise<void> {
    return this.#load();
  }

  run(): void {
    this.send({ type: "run" });
  }

  stop(): void {
    this.send({ type: "stop" });
  }

  reset(): void {
    this.send({ type: "reset" });
  }

  setFiles(files: Files, board?: string): void {
    this.send({ type: "setFiles", files, ...(board !== undefined && { board }) });
  }

  setLab(lab: Lab): void {
    this.send({ type: "setLab", lab });
  }

  /** Types at a board's console. */
  type(text: string, board?: string): void {
    this.send({ type: "type", text, ...(board !== undefined && { board }) });
  }

  input(input: Input): void {
    this.send({ type: "input", input });
  }

  // ---- becoming visible

  #await(): void {
    if (this.isConnected) whenSeen(this, () => this.#show());
  }

  /** The author's block before the element, when there is none in it. */
  #findBlock(): HTMLElement | null {
    if (this.querySelector("pre, textarea, script, template")) return null;
    const before = this.previousElementSibling;
    return before instanceof HTMLElement && before.matches(blockBefore) ? before : null;
  }

  #read(): Written {
    if (this.#written) return this.#written;
    this.#block = this.#findBlock();
    return (this.#written = readElement(this, this.#block));
  }

  #show(): void {
    if (this.#box) return;
    awaited.delete(this);
    sight?.unobserve(this);
    const written = this.#read();
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(posterCss);
    }
    if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
    this.#box = document.createElement("div");
    this.#box.className = "playground";
    this.#box.append(...this.#poster(written));
    root.append(this.#box);
    if (this.#block) this.#block.hidden = true;
    this.#dress();
    this.#watchTheme();
    const { autorun, load } = written.settings;
    if (autorun !== undefined) this.run();
    else if (load === "view") void this.#load();
  }

  /** The program as text, with the buttons that bring the rest. */
  #poster(written: Written): readonly Element[] {
    const bar = document.createElement("div");
    bar.className = "poster-bar";
    const name = document.createElement("span");
    name.className = "poster-name";
    name.textContent = written.settings.title ?? written.shown;
    const run = document.createElement("button");
    run.className = "poster-run";
    run.textContent = "Run";
    run.addEventListener("click", () => this.run());
    bar.append(name, ...(delivery?.site ? [playgroundLink(delivery.site, () => this.lab)] : []), run);
    const code = document.createElement("pre");
    code.className = "poster-code";
    code.tabIndex = 0;
    code.setAttribute("aria-label", `${written.shown}; press Enter to edit`);
    code.append(highlighted(written.code));
    const edit = (): void => void this.#load().then(() => this.#player?.focus());
    code.addEventListener("click", () => {
      if (document.getSelection()?.isCollapsed !== false) edit();
    });
    code.addEventListener("keydown", (event) => {
      if (event.key === "Enter") edit();
    });
    const note = document.createElement("p");
    note.className = "poster-note";
    note.setAttribute("role", "status");
    return [bar, code, note];
  }

  #dress(): void {
    const box = this.#box;
    if (!box) return;
    const theme = this.getAttribute("theme") ?? this.#written?.settings.theme ?? "auto";
    box.dataset["theme"] = theme === "light" || theme === "dark" ? theme : isDarkAround(this) ? "dark" : "light";
    const height = this.getAttribute("height") ?? this.#written?.settings.height ?? "";
    box.style.height = /^\d+$/.test(height) ? `${height}px` : height;
    box.dataset["sized"] = String(height !== "");
  }

  #watchTheme(): void {
    this.#endTheme ??= watchTheme(() => this.#dress());
  }

  // ---- the heavy part

  #load(): Promise<void> {
    this.#show();
    return (this.#loading ??= this.#mount().catch((error: unknown) => {
      this.#loading = null;
      this.#early = [];
      this.#setState("failed");
      const text = `The playground could not be loaded. Is the connection down? Press Run to try again. (${error instanceof Error ? error.message : String(error)})`;
      this.#say(text);
      this.#fire({ type: "failure", title: "The playground could not be loaded", text });
    }));
  }

  async #mount(): Promise<void> {
    const way = delivery;
    const box = this.#box;
    if (!way || !box) throw new Error("nothing says where the playground comes from");
    this.#setState("loading");
    this.#say("Loading the simulation …");
    const runtime = await way.load();
    if (box !== this.#box) return;
    const written = this.#read();
    this.#player = runtime.mount({
      box,
      root: this.shadowRoot ?? document,
      content: written.content,
      title: written.settings.title ?? "",
      views: (written.settings.view ?? "").split(/[\s,]+/).filter((view) => view !== ""),
      site: way.site,
      notify: (notice) => this.#take(notice),
    });
    for (const command of this.#early.splice(0)) this.#player.send(command);
  }

  #say(text: string): void {
    const note = this.#box?.querySelector(".poster-note");
    if (note) note.textContent = text;
  }

  #take(notice: Notice): void {
    if (notice.type === "state") this.#state = notice.state;
    this.#fire(notice);
  }

  #setState(state: PlayState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#fire({ type: "state", state, nowMs: 0 });
  }

  #fire({ type, ...detail }: Notice): void {
    this.dispatchEvent(new CustomEvent(`playground-${type}`, { detail, bubbles: true, composed: true }));
  }
}

/** Registers the element, once a page. */
export function defineElement(): void {
  if (globalThis.customElements && !customElements.get(elementName)) customElements.define(elementName, PlaygroundElement);
}
