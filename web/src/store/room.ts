/**
 * The room this page takes part in: who else is there, what a teacher sees of them, and what a teacher asks of this page.
 *
 * The worker holds the connection; this is what the page knows of it. A teacher's wishes become the session's verbs here.
 */

import type { RoomJoin, RoomLink } from "../engine/room.ts";
import type { BoardNews } from "../generated/BoardNews.ts";
import type { FromHub } from "../generated/FromHub.ts";
import type { Member } from "../generated/Member.ts";
import type { Role } from "../generated/Role.ts";
import { fnv } from "./seat.ts";
import { isLab } from "./labs.ts";
import type { Session } from "./session.ts";

/** A lab as it comes from another page. */
type Lab = Session["lab"];

/** How often teachers hear how the boards are, in milliseconds, and how much of a console they see. */
const statusWallMs = 700;
const tailLines = 40;
const tailCharacters = 2000;

/** A teacher's look at a member's boards. */
export interface Look {
  readonly member: number;
  readonly state: "asked" | "refused" | "open";
  readonly lab: Lab | null;
}

/** A link to a room, as people give it to each other. */
export interface RoomLinkParts {
  readonly origin: string;
  readonly pair: string | null;
  readonly room: string;
  readonly teacher: string | null;
}

export class RoomStore {
  join: RoomJoin | null = null;
  /** The link that leads others here; `null` for tabs. */
  parts: RoomLinkParts | null = null;
  link: RoomLink = { state: "joining" };
  role: Role = "member";
  self: number | null = null;
  members: readonly Member[] = [];
  keeper: number | null = null;
  isPaused = false;
  readonly boards = new Map<number, readonly BoardNews[]>();
  readonly looks = new Map<number, Look>();
  /** Teachers who ask for a look; the page answers each. */
  readonly asks: { readonly teacher: number; readonly name: string }[] = [];
  /** Teachers who look at this page's boards now. */
  readonly watchedBy = new Map<number, string>();
  #told = "";
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(readonly session: Session) {}

  get isIn(): boolean {
    return this.join !== null;
  }

  get isTeacher(): boolean {
    return this.role === "teacher";
  }

  /** Everyone but this page. */
  get others(): readonly Member[] {
    return this.members.filter((member) => member.id !== this.self);
  }

  /** What the teacher calls a member: of several with one name, those who came later have a number. */
  nameOf(member: Member): string {
    const before = this.members.filter(({ id, name }) => name === member.name && id < member.id).length;
    return before === 0 ? member.name : `${member.name} (${before + 1})`;
  }

  // ---- coming and going

  /** Joins, and starts the lab on the shared LAN. */
  enter(join: RoomJoin, parts: RoomLinkParts | null): void {
    this.#forget();
    this.join = join;
    this.parts = parts;
    this.session.client.joinRoom(join);
    this.session.setSpeed(1);
    this.session.run();
    this.#timer = setInterval(() => this.#report(), statusWallMs);
    this.#note();
  }

  /** Leaves; the lab starts again on a LAN of its own. */
  leave(): void {
    if (!this.isIn) return;
    this.#forget();
    this.session.client.joinRoom(null);
    this.session.run();
    this.#note();
  }

  destroy(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  takeLink(link: RoomLink): void {
    this.link = link;
    this.#told = "";
    this.#note();
  }

  // ---- what the room says

  hear(message: FromHub): void {
    const { session } = this;
    switch (message.type) {
      case "welcome":
        this.self = message.member;
        this.role = message.role;
        this.#pause(message.paused);
        if (message.lab !== null && !this.isTeacher) this.#open(message.lab);
        break;
      case "roster":
        this.members = message.members;
        this.keeper = message.keeper;
        for (const id of [...this.boards.keys(), ...this.looks.keys()]) {
          if (message.members.some((member) => member.id === id)) continue;
          this.boards.delete(id);
          this.looks.delete(id);
        }
        break;
      case "keep":
        break;
      case "status":
        this.boards.set(message.member, message.boards);
        break;
      case "lab":
        this.#open(message.lab);
        break;
      case "paused":
        this.#pause(message.paused);
        break;
      case "asked":
        this.asks.push({ teacher: message.teacher, name: message.name });
        break;
      case "answered":
        if (message.agreed) this.looks.set(message.member, { member: message.member, state: "open", lab: null });
        else this.looks.set(message.member, { member: message.member, state: "refused", lab: null });
        break;
      case "shown":
        if (isLab(message.lab)) this.looks.set(message.member, { member: message.member, state: "open", lab: message.lab });
        break;
      case "closed":
        this.watchedBy.delete(message.teacher);
        break;
      case "input":
        session.input({ type: "console", board: message.board, text: message.text });
        break;
      case "write":
        session.writeFile(message.board, message.file, message.content);
        session.restartBoard(message.board);
        this.#say(`Your teacher changed ${message.file} on ${message.board} and restarted it.`);
        break;
      case "refused":
        this.#say(`The room refused something: ${message.reason}.`);
    }
    this.#note();
  }

  // ---- what a teacher does

  push(): void {
    this.session.client.tell({ type: "push", lab: this.session.lab });
    this.#say("The lab is on its way to everybody.");
  }

  setPaused(paused: boolean): void {
    this.session.client.tell({ type: "pause", paused });
  }

  /** Asks a member for a look. */
  ask(member: number): void {
    this.looks.set(member, { member, state: "asked", lab: null });
    this.session.client.tell({ type: "open", member });
    this.#note();
  }

  endLook(member: number): void {
    this.looks.delete(member);
    this.session.client.tell({ type: "close", member });
    this.#note();
  }

  type(member: number, board: string, text: string): void {
    this.session.client.tell({ type: "input", member, board, text });
  }

  write(member: number, board: string, file: string, content: string): void {
    this.session.client.tell({ type: "write", member, board, file, content });
  }

  remove(member: number): void {
    this.session.client.tell({ type: "remove", member });
  }

  // ---- what a pupil does

  /** Answers a teacher's question; a no later on ends the look. */
  answer(teacher: number, name: string, agreed: boolean): void {
    const { client, lab } = this.session;
    client.tell({ type: "answer", teacher, agreed });
    if (agreed) {
      this.watchedBy.set(teacher, name);
      client.tell({ type: "shown", teacher, lab });
    } else {
      this.watchedBy.delete(teacher);
    }
    this.#note();
  }

  /** Shows the lab again to those who look, after it was changed. */
  showAgain(): void {
    for (const teacher of this.watchedBy.keys()) this.session.client.tell({ type: "shown", teacher, lab: this.session.lab });
  }

  #open(lab: unknown): void {
    const { session } = this;
    if (!isLab(lab)) return;
    session.openLab(lab, fnv(`${JSON.stringify(lab)} ${Date.now()}`).toString(16));
    session.run();
    if (this.isPaused) session.setPaused(true);
    this.#say(`Your teacher handed out “${lab.title || "a lab"}”. Your own lab is kept in the menu on top.`);
  }

  #pause(paused: boolean): void {
    if (paused === this.isPaused) return;
    this.isPaused = paused;
    this.session.setPaused(paused);
  }

  /** Tells teachers how the boards are, when that is news. */
  #report(): void {
    const { session } = this;
    if (this.link.state !== "joined" || !this.others.some((member) => member.role === "teacher")) return;
    const boards = session.boards.map((board): BoardNews => {
      const buffer = session.consoles.get(board.host);
      const lines = buffer ? [...buffer.lines.slice(-tailLines).map((line) => line.text), buffer.open] : [];
      return {
        name: board.name,
        power: session.state === "stopped" ? "stopped" : board.power === "busy" ? "idle" : board.power,
        ip: board.interfaces.find((face) => face.ip !== null)?.ip ?? null,
        error: session.runErrors.findLast((error) => error.board === board.name && error.kind === "error")?.message ?? null,
        console: lines.join("\n").slice(-tailCharacters),
      };
    });
    const told = JSON.stringify(boards);
    if (told === this.#told) return;
    this.#told = told;
    session.client.tell({ type: "status", boards });
  }

  #forget(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.join = null;
    this.parts = null;
    this.link = { state: "joining" };
    this.role = "member";
    this.self = null;
    this.members = [];
    this.keeper = null;
    if (this.isPaused) this.session.setPaused(false);
    this.isPaused = false;
    this.boards.clear();
    this.looks.clear();
    this.asks.length = 0;
    this.watchedBy.clear();
    this.#told = "";
  }

  #say(text: string): void {
    this.session.remarks.push(text);
    this.session.note("remarks");
  }

  #note(): void {
    this.session.note("room");
  }
}

/** The address of a room's WebSocket. */
export function roomUrl({ origin, pair, room }: RoomLinkParts): string {
  return `${origin.replace(/^http/, "ws")}/room/${pair === null ? "" : `${pair}/`}${room}`;
}

/** The link for others: what a teacher may is not in it. */
export function roomLink({ origin, pair, room }: RoomLinkParts): string {
  return `${origin}/#${pair === null ? "" : `pair=${pair}&`}room=${room}`;
}

/** Reads a link as people paste it, or the address of the page itself; `null` when it leads to no room. */
export function readRoomLink(text: string, roomElse: string | null = null): RoomLinkParts | null {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return null;
  }
  if (!/^(https?|wss?):$/.test(url.protocol)) return null;
  const origin = url.origin.replace(/^ws/, "http");
  const path = /^\/room\/(?:([\w-]+)\/)?([\w.-]+)$/.exec(url.pathname);
  if (path) return { origin, pair: path[1] ?? null, room: path[2] ?? "", teacher: null };
  const fragment = new URLSearchParams(url.hash.slice(1));
  const room = fragment.get("room") ?? roomElse;
  if (room === null || !/^[\w.-]{1,64}$/.test(room)) return null;
  return { origin, pair: fragment.get("pair"), room, teacher: fragment.get("teacher") };
}
