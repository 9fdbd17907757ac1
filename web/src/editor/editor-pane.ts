/**
 * The place of the code editor: the program as plain text at once, the editor itself as soon as the first look needs nothing else.
 *
 * The editor is two thirds of the page's script. A visitor first wants to see something run, so it is fetched when the engine is
 * there, or at the first touch of the text.
 */

import { concerns, type Panel, type PanelReport } from "../panels/panel.ts";
import { boardOf, fileText } from "../store/labs.ts";
import type { Session, Topic } from "../store/session.ts";
import type { Editor } from "./editor.ts";

/** Longest that the editor waits for the engine, in wall milliseconds. */
const waitWallMsMax = 3000;
/** From the engine's first words to the editor's turn, in wall milliseconds. */
const afterFirstWordsWallMs = 500;
const allTopics: ReadonlySet<Topic> = new Set<Topic>(["debug", "lab", "open", "records", "run", "selection", "settings"]);

export class EditorPane implements Panel {
  /** What stands in the page until the editor takes its place. */
  readonly dom = document.createElement("div");
  readonly #preview = document.createElement("pre");
  readonly #numbers = document.createElement("span");
  readonly #text = document.createElement("code");
  #editor: Editor | null = null;
  #loading: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isSoon = false;
  #isDestroyed = false;

  constructor(readonly session: Session) {
    this.dom.className = "editor";
    this.#preview.className = "editor-preview";
    this.#numbers.setAttribute("aria-hidden", "true");
    this.#numbers.className = "editor-preview-numbers";
    this.#preview.append(this.#numbers, this.#text);
    this.#preview.tabIndex = 0;
    this.#preview.setAttribute("role", "region");
    this.#preview.setAttribute("aria-label", "Program");
    this.#preview.addEventListener("pointerdown", () => this.focus());
    this.#preview.addEventListener("keydown", (event) => {
      if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) this.focus();
    });
    this.dom.append(this.#preview);
    this.#loadIn(waitWallMsMax);
  }

  update(report: PanelReport): void {
    if (this.#editor) return this.#editor.update(report);
    if (concerns(report, "open", "lab")) this.#drawPreview();
    if (this.session.failure || this.session.reveal) void this.#load();
    // The engine's first words: what the visitor came to see is on its way, and should not share the line.
    else if (this.session.consoles.size > 0 && !this.#isSoon) this.#loadIn(afterFirstWordsWallMs);
  }

  destroy(): void {
    this.#isDestroyed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#editor?.destroy();
    this.dom.remove();
  }

  /** Puts the cursor into the program, loading the editor if need be. */
  focus(): void {
    void this.#load().then(() => this.#editor?.focus());
  }

  #loadIn(wallMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#load(), wallMs);
    this.#isSoon = wallMs < waitWallMsMax;
  }

  #drawPreview(): void {
    const { lab, board, file } = this.session;
    const found = boardOf(lab, board);
    const text = found ? fileText(found, file) : null;
    this.dom.classList.toggle("is-empty", text === null);
    this.#text.textContent = text ?? "";
    this.#numbers.textContent = (text ?? "").split("\n").map((_, index) => index + 1).join("\n");
  }

  #load(): Promise<void> {
    return (this.#loading ??= Promise.all([import("./editor.ts"), import("./debugger.ts")]).then(
      async ([{ Editor }, { EditorDebugger }]) => {
        // Its script has just run; a task of its own keeps the page answering in between.
        await new Promise((resolve) => setTimeout(resolve));
        if (this.#isDestroyed) return;
        const hadFocus = this.#preview.contains(document.activeElement);
        this.#editor = new Editor(this.session, document, new EditorDebugger(this.session));
        this.dom.replaceWith(this.#editor.dom);
        this.#editor.update({ session: this.session, topics: allTopics });
        if (hadFocus) this.#editor.focus();
      },
      () => {
        // A lost connection: the text stays readable, and the next touch tries again.
        this.#loading = null;
        this.session.remarks.push("The editor could not be loaded. Is the connection down?");
        this.session.note("remarks");
      },
    ));
  }
}
