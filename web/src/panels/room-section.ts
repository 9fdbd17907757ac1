/** The part of the dialog "Connect" about rooms, and the link that brings others into one. */

import { html, nothing, svg, type TemplateResult } from "lit";
import { encode } from "uqr";

import { readRoomLink, roomLink, type RoomLinkParts } from "../store/room.ts";
import type { Session } from "../store/session.ts";
import { copy } from "../ui/files.ts";
import { icon } from "../ui/icons.ts";
import { enterRoom, knownName, leaveRoom, nameCharactersMax, stateText } from "./room.ts";

/** The section of the dialog "Connect". */
export function roomSection(session: Session, redraw: () => void): TemplateResult {
  return html`<section aria-labelledby="room-title">
    <h3 id="room-title">One network with others</h3>
    ${session.room.isIn ? inside(session, redraw) : outside(session, redraw)}
  </section>`;
}

function outside(session: Session, redraw: () => void): TemplateResult {
  const join = async (event: Event, isTabs: boolean): Promise<void> => {
    const section = (event.currentTarget as HTMLElement).closest("section");
    const field = (name: string): HTMLInputElement | null => section?.querySelector(`[name="${name}"]`) ?? null;
    const problem = section?.querySelector<HTMLElement>(".field-problem");
    const name = field("person")?.value.trim() ?? "";
    const parts = isTabs ? null : readRoomLink(field("link")?.value ?? "", "home");
    const trouble = name === "" ? "Say your name first: the others see whose boards they are." : !isTabs && !parts ? "This is no link to a room." : "";
    if (problem) problem.textContent = trouble;
    if (trouble !== "") return;
    await enterRoom(session, name, parts);
    redraw();
  };
  const hasTabs = typeof BroadcastChannel !== "undefined" && typeof navigator.locks !== "undefined";
  return html`<p>Boards of several people, or of several tabs, share one network: one router, one range of addresses, everybody reaches everybody. The lab starts again when you join.</p>
    <label class="field"><span>Your name</span><input name="person" .defaultValue=${knownName()} maxlength=${nameCharactersMax} autocomplete="nickname" spellcheck="false" /></label>
    <div class="connect-ways">
      <label class="field"><span>Link to a room, as <code>playground serve</code> prints it</span><input name="link" type="url" .defaultValue=${ownRelay()} placeholder="http://192.168.0.7:8266/#pair=…&room=…" spellcheck="false" /></label>
      <button type="button" class="button primary" @click=${(event: Event) => void join(event, false)}>Join the room</button>
    </div>
    <p class="field-problem" role="alert"></p>
    ${hasTabs ? html`<p>Without any server: <button type="button" class="button" @click=${(event: Event) => void join(event, true)}>Share with the other tabs of this browser</button></p>` : nothing}`;
}

/** The relay that served this page, when its link says so: the likeliest one to meet at. */
function ownRelay(): string {
  const parts = new URLSearchParams(location.hash.slice(1)).has("pair") ? readRoomLink(location.href, "home") : null;
  return parts === null ? "" : roomLink(parts);
}

function inside(session: Session, redraw: () => void): TemplateResult {
  const { room } = session;
  const leave = (): void => {
    leaveRoom(session);
    redraw();
  };
  return html`<p role="status">${stateText(session)}</p>
    <ul class="people" aria-label="Who is in the room">
      ${room.members.map(
        (member) =>
          html`<li>${member.role === "teacher" ? icon("examples") : nothing}<b>${member.name}</b>${member.id === room.self ? " (you)" : ""}
            <span class="muted">${member.hosts.filter((host) => host.name !== "pc").map((host) => host.name).join(", ")}</span></li>`,
      )}
    </ul>
    ${room.parts ? invitation(room.parts) : html`<p class="muted">Open this page in another tab of this browser and join there too.</p>`}
    <p><button type="button" class="button danger" @click=${leave}>Leave the room</button></p>`;
}

/** The link for others, and as a picture for their phones. */
export function invitation(parts: RoomLinkParts): TemplateResult {
  const url = roomLink(parts);
  return html`<div class="invitation">
    ${qrCode(url)}
    <div>
      <label class="field"><span>Link for the others</span><input readonly .value=${url} @focus=${(event: Event) => (event.target as HTMLInputElement).select()} /></label>
      <button type="button" class="button small" @click=${() => void copy(url)}>${icon("copy")}Copy the link</button>
      ${/^https?:\/\/(127\.|localhost)/.test(url) ? html`<p class="muted small-text">This link works on this machine only. For others, start <code>playground serve --workshop</code>.</p>` : nothing}
    </div>
  </div>`;
}

function qrCode(text: string): TemplateResult {
  const { data, size } = encode(text, { border: 3 });
  const path = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return html`<svg class="qr" viewBox=${`0 0 ${size} ${size}`} role="img" aria-label="The link as a QR code" shape-rendering="crispEdges">${svg`<path d=${`M0 0h${size}v${size}H0z`} fill="#fff" /><path d=${path} fill="#000" />`}</svg>`;
}
