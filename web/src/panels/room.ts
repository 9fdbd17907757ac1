/** Rooms for people: joining one, coming back to it, and a pupil's answers to a teacher. */

import { html, nothing, render } from "lit";

import type { RoomJoin } from "../engine/room.ts";
import { type RoomLinkParts, roomUrl } from "../store/room.ts";
import { takeSeat } from "../store/seat.ts";
import type { Session } from "../store/session.ts";
import { confirm, showDialog } from "../ui/dialog.ts";
import { icon } from "../ui/icons.ts";

const nameKey = "nodemcu-net-playground/person";
const roomKey = "nodemcu-net-playground/room";
/** As crates/relay-protocol/src/room.rs has it. */
export const nameCharactersMax = 40;

/** What this tab needs to come back after a reload. */
interface Kept {
  readonly name: string;
  readonly parts: RoomLinkParts | null;
  readonly tabs: string | null;
}

let seat: ReturnType<typeof takeSeat> | null = null;

/** Joins the room of `parts`, or the one that tabs of this browser share. */
export async function enterRoom(session: Session, name: string, parts: RoomLinkParts | null, tabs = "home"): Promise<void> {
  const { seat: text, identity } = await (seat ??= takeSeat());
  const way: RoomJoin["way"] = parts ? { kind: "relay", url: roomUrl(parts) } : { kind: "tabs", name: tabs };
  session.room.enter({ way, name, seat: text, identity, token: parts?.teacher ?? null }, parts && (await publicParts(parts)));
  remember(name, { name, parts, tabs: parts ? null : tabs });
}

/** Where others reach the relay that served this page: its own address may be one that only this machine knows. */
async function publicParts(parts: RoomLinkParts): Promise<RoomLinkParts> {
  if (!/^https?:\/\/(127\.|localhost|\[::1\])/.test(parts.origin) || parts.origin !== location.origin) return parts;
  try {
    const description = (await (await fetch("/relay.json")).json()) as { readonly address?: string | null };
    return description.address ? { ...parts, origin: description.address.replace(/\/$/, "") } : parts;
  } catch {
    return parts;
  }
}

export function leaveRoom(session: Session): void {
  session.room.leave();
  try {
    sessionStorage.removeItem(roomKey);
  } catch {
    // Nothing was kept.
  }
}

/** Joins again what this tab was in before a reload; says whether there was something. */
export async function comeBack(session: Session): Promise<boolean> {
  let kept: Kept | null = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(roomKey) ?? "null") as Kept | null;
  } catch {
    return false;
  }
  if (!kept) return false;
  await enterRoom(session, kept.name, kept.parts, kept.tabs ?? undefined);
  return true;
}

function remember(name: string, kept: Kept): void {
  try {
    localStorage.setItem(nameKey, name);
    sessionStorage.setItem(roomKey, JSON.stringify(kept));
  } catch {
    // Storage may be forbidden; a reload then asks again.
  }
}

/** The name this browser's person used last. */
export function knownName(): string {
  try {
    return localStorage.getItem(nameKey) ?? "";
  } catch {
    return "";
  }
}

/** Asks whoever followed a room's link for a name, and joins. */
export async function askToJoin(session: Session, parts: RoomLinkParts): Promise<void> {
  const isTeacher = parts.teacher !== null;
  let name = "";
  const submit = (event: Event, close: (value: string) => void): void => {
    const input = (event.currentTarget as HTMLElement).closest("form")?.querySelector("input");
    name = input?.value.trim() ?? "";
    if (name === "") input?.focus();
    else close("join");
  };
  const answer = await showDialog(
    isTeacher ? "Open the room" : "Join the room",
    (close) => html`<div class="dialog-body">
        <p>${isTeacher ? "Your boards and your pupils’ boards share one network. You see all boards, and you can hand out a lab." : "Your boards share one network with those of everybody in the room. There is no account: a name is enough."}</p>
        <label class="field"
          ><span>Your name</span>
          <input
            .value=${knownName()}
            maxlength=${nameCharactersMax}
            autofocus
            autocomplete="nickname"
            spellcheck="false"
            @keydown=${(event: KeyboardEvent) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              submit(event, close);
            }}
          />
        </label>
      </div>
      <footer class="dialog-foot">
        <button type="button" class="button" @click=${() => close("")}>Not now</button>
        <button type="button" class="button primary" @click=${(event: Event) => submit(event, close)}>${isTeacher ? "Open" : "Join"}</button>
      </footer>`,
  );
  if (answer === "join") await enterRoom(session, name, parts);
}

/** How the room is, in one sentence. */
export function stateText(session: Session): string {
  const { room } = session;
  switch (room.link.state) {
    case "joining":
      return "Joining…";
    case "joined": {
      const count = room.others.length;
      const keeper = room.keeper === null ? "The relay’s router" : room.keeper === room.self ? "This page’s router" : `${room.members.find((member) => member.id === room.keeper)?.name ?? "Another tab"}’s router`;
      return `You share one network with ${count === 0 ? "nobody yet" : count === 1 ? "one other" : `${count} others`}. ${keeper} serves it.`;
    }
    case "lost":
      return `The room is out of reach: ${room.link.why} Trying again…`;
    case "ended":
      return `You are out of the room: ${room.link.why}`;
  }
}

/** Asks the person whenever a teacher wants a look, one question at a time. */
export class Consent {
  #isAsking = false;

  constructor(readonly session: Session) {}

  update(): void {
    const { room } = this.session;
    const ask = room.asks[0];
    if (!ask || this.#isAsking) return;
    this.#isAsking = true;
    room.asks.shift();
    void confirm(`May ${ask.name} look at your boards?`, "Your teacher would see your files and consoles, type at a console, and change a file. You can end it at any time.", "Yes, look").then((agreed) => {
      this.#isAsking = false;
      room.answer(ask.teacher, ask.name, agreed);
      this.update();
    });
  }
}

/** The notes above the panes that a room has for this page. */
export function drawRoomNote(session: Session, dom: HTMLElement): void {
  const { room } = session;
  const watchers = [...room.watchedBy];
  render(
    html`${room.isIn && room.isPaused ? html`<div class="note watch" role="status">${icon("pause")}<span><b>Paused.</b> The teacher has stopped the room for a moment.</span></div>` : nothing}
      ${room.isIn && (room.link.state === "lost" || room.link.state === "ended")
        ? html`<div class="note bad" role="alert">${icon("warning")}<span>${stateText(session)}</span><button class="button small" @click=${() => leaveRoom(session)}>Leave the room</button></div>`
        : nothing}
      ${watchers.map(
        ([teacher, name]) =>
          html`<div class="note watch" role="status"><span><b>${name}</b> looks at your boards.</span><button class="button small" @click=${() => room.answer(teacher, name, false)}>End it</button></div>`,
      )}`,
    dom,
  );
}
