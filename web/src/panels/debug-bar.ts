/**
 * The bar over the panes while programs may stop: where one is stopped, what that means for the others, and the ways to go on.
 *
 * It stays while the program runs to the next stop, so that nothing jumps from step to step.
 */

import "../styles/debugger.css";

import { html, type TemplateResult } from "lit";

import type { Resume } from "../generated/Resume.ts";
import type { Session } from "../store/session.ts";
import { counted } from "../trace/format.ts";
import { icon } from "../ui/icons.ts";
import { functionText, placeText } from "./debugger-text.ts";

/** The ways to go on, with their keys. */
const ways: readonly { readonly how: Resume; readonly step: string; readonly name: string; readonly key: string; readonly icon: Parameters<typeof icon>[0]; readonly title: string }[] = [
  { how: "continue", step: "", name: "Continue", key: "F5", icon: "run", title: "Run to the next breakpoint" },
  { how: "over", step: "Step ", name: "Over", key: "F10", icon: "over", title: "To the next line of this function" },
  { how: "into", step: "Step ", name: "Into", key: "F11", icon: "into", title: "To the next line, in whatever function" },
  { how: "out", step: "Step ", name: "Out", key: "Shift+F11", icon: "out", title: "Back to the caller" },
];

/** The bar's content. */
export function debugBar(session: Session): TemplateResult {
  const { debug } = session;
  return html`<div class="note debug" data-stopped=${debug.isStopped}>
    <p class="debug-say" role="status">${debug.pause ? stopped(session) : waiting(session)}</p>
    <div class="debug-ways" role="group" aria-label="Debugger">
      ${ways.map(
        (way) => html`<button class="button small" title=${`${way.title} (${way.key})`} ?disabled=${!debug.isStopped} @click=${() => debug.resume(way.how)}>
          ${icon(way.icon)}<span><span class="visually-hidden">${way.step}</span>${way.name}</span><kbd>${way.key.replace("Shift+", "⇧")}</kbd>
        </button>`,
      )}
    </div>
  </div>`;
}

function stopped(session: Session): TemplateResult {
  const { debug } = session;
  const call = debug.pause?.levels[0];
  const board = debug.board ?? "";
  const position = debug.pause?.position;
  const place = position ? html`<button class="place" @click=${() => debug.choose(0)}>${placeText(position)}</button>` : "code without lines";
  const event = debug.callbackEvent;
  const where = event !== null && debug.pause?.levels.length === 1 ? `its “${event}” callback` : call ? functionText(call) : "";
  const waiting = session.room.isIn ? "Your boards, their time and what you do wait until it goes on; the room's other boards do not." : "Time, all boards and what you do wait until it goes on.";
  return html`<b>${board} is stopped</b> before ${place}${where === "" ? "" : `, in ${where}`}. <span class="debug-more">${waiting}</span>`;
}

function waiting(session: Session): TemplateResult {
  const { debug } = session;
  const count = debug.breakpoints.reduce((sum, { lines }) => sum + lines.length, 0);
  const target = debug.isAwaited ? "the next line of Lua" : count === 1 ? "the breakpoint" : `one of ${counted(count, "breakpoint")}`;
  return html`<b>Running.</b> The program stops when it comes to ${target}.`;
}

/** What a key means while the bar is there; `null` for keys of other things. */
export function wayOfKey(event: KeyboardEvent): Resume | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const key = `${event.shiftKey ? "Shift+" : ""}${event.key}`;
  return ways.find((way) => way.key === key)?.how ?? null;
}
