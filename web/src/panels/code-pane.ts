/** The left side: one tab per board, the board at a glance, its files, and the editor. */

import { html, nothing, render, type TemplateResult } from "lit";

import { EditorPane } from "../editor/editor-pane.ts";
import type { FileContent } from "../engine/lab.ts";
import {
  boardNameProblem,
  boardOf,
  boardsOf,
  fileNameProblem,
  fileNames,
  fileText,
  withBoardRenamed,
  withFile,
  withFileRenamed,
  withNewBoard,
  withoutBoard,
  withoutFile,
} from "../store/labs.ts";
import { boardLook } from "../store/hosts.ts";
import type { Session } from "../store/session.ts";
import { counted } from "../trace/format.ts";
import { askName, confirm } from "../ui/dialog.ts";
import { chooseFiles, download } from "../ui/files.ts";
import { icon } from "../ui/icons.ts";
import { moveInMenu, moveInTabs, openBeside } from "../ui/popover.ts";
import { BoardStrip } from "./board-strip.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

/** Largest file taken from the person's machine: more than the board's flash. */
const uploadBytesMax = 3_000_000;

export class CodePane implements Panel {
  readonly dom = document.createElement("section");
  readonly editor: EditorPane;
  readonly #boardTabs = document.createElement("div");
  readonly #fileTabs = document.createElement("div");
  readonly #empty = document.createElement("p");
  readonly #strip: BoardStrip;

  constructor(readonly session: Session) {
    this.dom.className = "pane code-pane";
    this.dom.setAttribute("aria-label", "Boards and their programs");
    this.#boardTabs.className = "board-tabs";
    this.#fileTabs.className = "file-tabs";
    this.#empty.className = "editor-empty";
    this.#strip = new BoardStrip(session);
    this.editor = new EditorPane(session);
    this.dom.append(this.#boardTabs, this.#strip.dom, this.#fileTabs, this.editor.dom, this.#empty);
  }

  update(report: PanelReport): void {
    if (concerns(report, "lab", "open", "boards", "run", "hosts")) this.#drawBoards();
    if (concerns(report, "lab", "open", "run", "records")) this.#drawFiles();
    this.#strip.update(report);
    this.editor.update(report);
  }

  destroy(): void {
    this.editor.destroy();
    this.#strip.destroy();
    this.dom.remove();
  }

  #drawBoards(): void {
    const { session } = this;
    render(
      html`<div role="tablist" aria-label="Boards" class="tabs" @keydown=${moveInTabs}>
          ${boardsOf(session.lab).map((board, index) => {
            const isOpen = board.name === session.board;
            const host = session.hosts.byName(board.name);
            const look = boardLook(index);
            const status = session.boardStatus(board.name);
            const state = session.state === "stopped" || !status ? "off" : status.power;
            return html`<button
              role="tab"
              class="tab board-tab"
              id=${`board-tab-${board.name}`}
              aria-selected=${isOpen}
              tabindex=${isOpen ? 0 : -1}
              data-hue=${look.hue}
              @click=${() => session.openBoard(board.name)}
            >
              <span class="shape" aria-hidden="true">${look.shape}</span>
              <span class="tab-text">${board.name}<small>${host?.ip ?? stateText(state)}</small></span>
            </button>`;
          })}
        </div>
        <button class="button quiet icon-only" aria-label="Add a board" title="Add a board" @click=${() => this.#addBoard()}>${icon("add")}</button>
        <span class="spacer"></span>
        <button class="button quiet icon-only" aria-label=${`More for ${session.board}`} aria-haspopup="menu" title="Rename, copy, delete" @click=${(event: Event) => this.#openBoardMenu(event)}>
          ${icon("more")}
        </button>
        <div popover class="menu" role="menu" id="board-menu" @keydown=${moveInMenu}></div>`,
      this.#boardTabs,
    );
  }

  #openBoardMenu(event: Event): void {
    const menu = this.#boardTabs.querySelector<HTMLElement>("#board-menu");
    if (!menu) return;
    const { session } = this;
    const item = (text: string, action: () => void, disabled = false): TemplateResult =>
      html`<button role="menuitem" ?disabled=${disabled} @click=${() => (menu.hidePopover(), action())}>${text}</button>`;
    render(
      html`${item(`Rename ${session.board}…`, () => this.#renameBoard())} ${item(`Copy ${session.board}`, () => this.#copyBoard())}
      ${item("Take the files from the board's flash", () => this.#pullFiles(), session.state === "stopped")}
      ${item(`Delete ${session.board}…`, () => this.#deleteBoard(), boardsOf(session.lab).length < 2)}`,
      menu,
    );
    openBeside(event.currentTarget as HTMLElement, menu);
  }

  #addBoard(): void {
    const { lab, name } = withNewBoard(this.session.lab);
    this.session.edit(lab);
    this.session.openBoard(name);
  }

  async #renameBoard(): Promise<void> {
    const { session } = this;
    const old = session.board;
    const name = await askName(`Rename ${old}`, "Name of the board", old, (wanted) => boardNameProblem(session.lab, wanted, old));
    if (name === null || name === old) return;
    const renamed = withBoardRenamed(session.lab, old, name);
    session.board = name;
    session.edit(renamed, "open");
  }

  #copyBoard(): void {
    const { session } = this;
    const source = boardOf(session.lab, session.board);
    if (!source) return;
    const { lab, name } = withNewBoard(session.lab);
    const { mac: _, ...rest } = source;
    session.edit({ ...lab, boards: boardsOf(lab).map((board) => (board.name === name ? { ...rest, name } : board)) });
    session.openBoard(name);
  }

  async #deleteBoard(): Promise<void> {
    const { session } = this;
    const name = session.board;
    if (!(await confirm(`Delete ${name}?`, `The board leaves the lab, and ${counted(fileNames(boardOf(session.lab, name) ?? { name }).length, "file")} with it.`, "Delete"))) return;
    session.edit(withoutBoard(session.lab, name), "open");
  }

  /** Takes what the program wrote to its flash into the lab. */
  async #pullFiles(): Promise<void> {
    const { session } = this;
    const { board } = session;
    const host = session.boardStatus(board)?.host;
    if (host === undefined) return;
    const files = await session.client.query("files", { host });
    let { lab } = session;
    for (const file of files) lab = withFile(lab, board, file.name, contentOf(file.bytes));
    session.edit(lab, "open");
  }

  #drawFiles(): void {
    const { session } = this;
    const board = boardOf(session.lab, session.board);
    const names = board ? fileNames(board) : [];
    const troubled = new Set(session.runErrors.filter((error) => error.board === session.board && error.kind === "error").map((error) => error.file));
    render(
      html`<div role="tablist" aria-label="Files" class="tabs" @keydown=${moveInTabs}>
          ${names.map(
            (name) => html`<button
              role="tab"
              class="tab file-tab"
              aria-selected=${name === session.file}
              tabindex=${name === session.file ? 0 : -1}
              title=${name === "init.lua" ? "Runs when the board starts" : name}
              @click=${() => session.openFile(session.board, name)}
              @dblclick=${() => this.#renameFile()}
            >
              ${name}${troubled.has(name) ? html`<span class="badge-error" title="A run met an error in this file">!</span>` : nothing}
            </button>`,
          )}
        </div>
        <button class="button quiet icon-only small" aria-label="Add a file" title="Add a file" @click=${() => this.#addFile()}>${icon("add")}</button>
        <span class="spacer"></span>
        <button class="button quiet icon-only small" aria-label="More for the files" aria-haspopup="menu" title="Rename, delete, upload, download" @click=${(event: Event) => this.#openFileMenu(event)}>
          ${icon("more")}
        </button>
        <div popover class="menu" role="menu" id="file-menu" @keydown=${moveInMenu}></div>`,
      this.#fileTabs,
    );
    const isText = board ? fileText(board, session.file) !== null : false;
    this.#empty.hidden = isText;
    this.#empty.textContent = !board
      ? "This lab has no board. Add one with +."
      : session.file === ""
        ? "This board has no files. Add init.lua with +: it runs when the board starts."
        : `${session.file} is not text, so it cannot be edited here. It is in the board's flash all the same.`;
  }

  #openFileMenu(event: Event): void {
    const menu = this.#fileTabs.querySelector<HTMLElement>("#file-menu");
    if (!menu) return;
    const { session } = this;
    const item = (text: string, action: () => void, disabled = false): TemplateResult =>
      html`<button role="menuitem" ?disabled=${disabled} @click=${() => (menu.hidePopover(), action())}>${text}</button>`;
    const none = session.file === "";
    render(
      html`${item(`Rename ${session.file}…`, () => this.#renameFile(), none)} ${item(`Delete ${session.file}…`, () => this.#deleteFile(), none)}
      ${item(`Download ${session.file}`, () => this.#downloadFile(session.file), none)}
      ${item("Download all files", () => this.#downloadAll(), none)} ${item("Upload files…", () => this.#upload())}`,
      menu,
    );
    openBeside(event.currentTarget as HTMLElement, menu);
  }

  async #addFile(): Promise<void> {
    const { session } = this;
    const board = boardOf(session.lab, session.board);
    if (!board) return;
    const proposal = board.files?.["init.lua"] === undefined ? "init.lua" : "";
    const name = await askName("Add a file", "Name of the file, for example main.lua", proposal, (wanted) => fileNameProblem(board, wanted, ""));
    if (name === null) return;
    session.edit(withFile(session.lab, board.name, name, ""));
    session.openFile(board.name, name);
    this.editor.focus();
  }

  async #renameFile(): Promise<void> {
    const { session } = this;
    const board = boardOf(session.lab, session.board);
    const old = session.file;
    if (!board || old === "") return;
    const name = await askName(`Rename ${old}`, "Name of the file", old, (wanted) => fileNameProblem(board, wanted, old));
    if (name === null || name === old) return;
    session.file = name;
    session.edit(withFileRenamed(session.lab, board.name, old, name), "open");
  }

  async #deleteFile(): Promise<void> {
    const { session } = this;
    const { board, file } = session;
    if (!(await confirm(`Delete ${file}?`, `The file leaves ${board}.`, "Delete"))) return;
    session.edit(withoutFile(session.lab, board, file), "open");
  }

  #downloadFile(name: string): void {
    const content = boardOf(this.session.lab, this.session.board)?.files?.[name];
    if (content !== undefined) download(name, bytesOf(content), "application/octet-stream");
  }

  async #downloadAll(): Promise<void> {
    const { session } = this;
    const { zipSync } = await import("fflate");
    const board = boardOf(session.lab, session.board);
    const files = Object.entries(board?.files ?? {}).flatMap(([name, content]) => (content === undefined ? [] : [[name, bytesOf(content)] as const]));
    download(`${session.board}.zip`, zipSync(Object.fromEntries(files)) as Uint8Array<ArrayBuffer>, "application/zip");
  }

  async #upload(): Promise<void> {
    const { session } = this;
    const { board } = session;
    for (const file of await chooseFiles("", true)) {
      if (file.size > uploadBytesMax) continue;
      const content = contentOf(new Uint8Array(await file.arrayBuffer()));
      session.edit(withFile(session.lab, board, file.name.slice(0, 31), content));
      session.openFile(board, file.name.slice(0, 31));
    }
  }
}

function stateText(state: string): string {
  return state === "off" ? "off" : state === "crashed" ? "crashed" : state === "asleep" ? "asleep" : "no address";
}

/** The form of a lab's file for `bytes`: text where they are UTF-8. */
function contentOf(bytes: Uint8Array): FileContent {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return { base64: btoa(binary) };
  }
}

function bytesOf(content: FileContent): Uint8Array<ArrayBuffer> {
  if (typeof content === "string") return new TextEncoder().encode(content) as Uint8Array<ArrayBuffer>;
  return Uint8Array.from(atob(content.base64), (character) => character.charCodeAt(0));
}
