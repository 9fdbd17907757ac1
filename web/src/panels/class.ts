/** The teacher's view of a room: every board with its state and console, handing out the lab, pausing, and a look with consent. */

import { html, nothing, render, type TemplateResult } from "lit";

import type { BoardNews } from "../generated/BoardNews.ts";
import type { Member } from "../generated/Member.ts";
import { boardsOf, fileNames, fileText } from "../store/labs.ts";
import type { Look } from "../store/room.ts";
import type { Session } from "../store/session.ts";
import { confirm, showDialog } from "../ui/dialog.ts";
import { icon } from "../ui/icons.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";
import { invitation } from "./room-section.ts";

export class ClassPanel implements Panel {
  readonly dom = document.createElement("div");
  /** What the look that is open shows. */
  #chosen: { readonly member: number; board: string; file: string } | null = null;

  constructor(readonly session: Session) {
    this.dom.className = "view class";
  }

  update(report: PanelReport): void {
    if (concerns(report, "room", "lab", "view")) this.#draw();
  }

  destroy(): void {
    this.dom.remove();
  }

  #draw(): void {
    const { room } = this.session;
    const pupils = room.others;
    const look = this.#chosen && room.looks.get(this.#chosen.member);
    render(
      html`<div class="view-bar class-bar">
          <b>${pupils.length === 0 ? "Nobody is here yet" : pupils.length === 1 ? "One pupil" : `${pupils.length} pupils`}</b>
          <button class="button primary" @click=${() => void this.#push()}>${icon("send")}Hand out this lab</button>
          <button class="button" aria-pressed=${room.isPaused} @click=${() => room.setPaused(!room.isPaused)}>${icon(room.isPaused ? "run" : "pause")}${room.isPaused ? "Let the room go on" : "Pause the room"}</button>
          <button class="button" @click=${() => void this.#invite()}>${icon("link")}Link and QR code</button>
        </div>
        <div class="view-body class-body">
          <ul class="class-grid scroll" aria-label="Pupils and their boards">
            ${pupils.map((member) => this.#card(member))}
            ${pupils.length === 0 ? html`<li class="empty-note">Show the link or the QR code. Whoever opens it appears here.</li>` : nothing}
          </ul>
          ${look ? this.#look(look) : nothing}
        </div>`,
      this.dom,
    );
  }

  #card(member: Member): TemplateResult {
    const { room } = this.session;
    const boards = room.boards.get(member.id) ?? [];
    const look = room.looks.get(member.id);
    const isOpen = look?.state === "open";
    const name = room.nameOf(member);
    const open = (): void => {
      if (isOpen) this.#chosen = { member: member.id, board: "", file: "" };
      else room.ask(member.id);
      this.#draw();
    };
    return html`<li class="pupil" data-trouble=${boards.some((board) => board.error !== null || board.power === "crashed")}>
      <header>
        <h2 title=${name}>${name}</h2>
        <button class="button small" @click=${open} ?disabled=${look?.state === "asked"}>${isOpen ? "Look" : look?.state === "asked" ? "Asked…" : look?.state === "refused" ? "Said no; ask again" : "Ask to look"}</button>
        <button class="button quiet icon-only small" aria-label=${`Send ${name} out of the room`} title="Send out of the room" @click=${() => void this.#remove(member)}>${icon("close")}</button>
      </header>
      ${boards.length === 0 ? html`<p class="muted small-text">no board yet</p>` : boards.map((board) => boardNews(board))}
    </li>`;
  }

  /** The files and the console of a member who agreed. */
  #look(look: Look): TemplateResult {
    const { room } = this.session;
    const member = room.members.find((other) => other.id === look.member);
    const chosen = this.#chosen;
    if (!member || !chosen) return html``;
    const name = room.nameOf(member);
    const end = (): void => {
      this.#chosen = null;
      room.endLook(look.member);
    };
    const boards = look.lab ? boardsOf(look.lab) : [];
    const board = boards.find((other) => other.name === chosen.board) ?? boards[0];
    const files = board ? fileNames(board) : [];
    const file = files.includes(chosen.file) ? chosen.file : (files[0] ?? "");
    const text = board ? fileText(board, file) : null;
    const news = room.boards.get(look.member)?.find((other) => other.name === board?.name);
    return html`<section class="look" aria-label=${`${name}’s boards`}>
      <header>
        <h2 title=${name}>${name}</h2>
        ${boards.length > 1 ? html`<select aria-label="Board" @change=${(event: Event) => ((chosen.board = (event.target as HTMLSelectElement).value), this.#draw())}>${boards.map((other) => html`<option ?selected=${other === board}>${other.name}</option>`)}</select>` : nothing}
        ${files.length > 0 ? html`<select aria-label="File" @change=${(event: Event) => ((chosen.file = (event.target as HTMLSelectElement).value), this.#draw())}>${files.map((other) => html`<option ?selected=${other === file}>${other}</option>`)}</select>` : nothing}
        <span class="spacer"></span>
        <button class="button small" @click=${end}>End the look</button>
      </header>
      ${board && text !== null
        ? html`<textarea class="look-file mono" spellcheck="false" aria-label=${`${file} of ${name}`} .value=${text}></textarea>
            <p><button class="button small" @click=${(event: Event) => this.#write(event, look.member, board.name, file)}>Put this into ${name}’s board and restart it</button></p>`
        : html`<p class="muted">The files are on their way…</p>`}
      <pre class="look-console scroll" tabindex="0" role="log" aria-label=${`Console of ${name}`}>${news?.console ?? ""}</pre>
      ${board
        ? html`<input class="mono" aria-label=${`Type at ${name}’s console`} placeholder="Lua for the console, Enter sends it" @keydown=${(event: KeyboardEvent) => this.#type(event, look.member, board.name)} />`
        : nothing}
    </section>`;
  }

  #type(event: KeyboardEvent, member: number, board: string): void {
    if (event.key !== "Enter") return;
    const input = event.target as HTMLInputElement;
    this.session.room.type(member, board, `${input.value}\n`);
    input.value = "";
  }

  #write(event: Event, member: number, board: string, file: string): void {
    const text = (event.currentTarget as HTMLElement).closest("section")?.querySelector("textarea")?.value;
    if (text !== undefined) this.session.room.write(member, board, file, text);
  }

  async #push(): Promise<void> {
    const { session } = this;
    const title = session.lab.title || "this lab";
    if (await confirm("Hand out this lab?", `Everybody in the room gets “${title}” and starts it. Their own labs are kept in their menus.`, "Hand it out")) session.room.push();
  }

  async #remove(member: Member): Promise<void> {
    if (await confirm(`Send ${this.session.room.nameOf(member)} out?`, "They can come back with the link.", "Send out")) this.session.room.remove(member.id);
  }

  async #invite(): Promise<void> {
    const { parts } = this.session.room;
    if (!parts) return;
    await showDialog("Who wants to join?", () => html`<div class="dialog-body">${invitation(parts)}</div>`, "wide projector");
  }
}

function boardNews(board: BoardNews): TemplateResult {
  const lines = board.console.trimEnd().split("\n").slice(-4).join("\n");
  return html`<div class="board-news" data-power=${board.power}>
    <p><b>${board.name}</b> <span class="mono">${board.ip ?? "no address"}</span> <span class="tag">${board.power}</span></p>
    ${board.error ? html`<p class="bad small-text">${icon("warning")}${board.error}</p>` : nothing}
    <div class="tail"><pre>${lines}</pre></div>
  </div>`;
}
