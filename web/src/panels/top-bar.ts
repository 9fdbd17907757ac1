/** The bar on top: the lab's name, running and time, examples, sharing, and how the page looks. */

import { html, nothing, render, type TemplateResult } from "lit";

import { newLab } from "../store/labs.ts";
import { NotALab, parseLab, labBytesMax } from "../store/share.ts";
import type { Session } from "../store/session.ts";
import { clock } from "../trace/format.ts";
import { confirm } from "../ui/dialog.ts";
import { chooseFiles, download, fileName } from "../ui/files.ts";
import { icon } from "../ui/icons.ts";
import { moveInMenu, openBeside } from "../ui/popover.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

const speeds: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 5, 10, 100];
const textSizes: readonly number[] = [90, 100, 115, 130, 150, 175];

export interface TopBarActions {
  readonly openGallery: () => void;
  /** Says something briefly. */
  readonly toast: (text: string) => void;
}

export class TopBar implements Panel {
  readonly dom = document.createElement("header");

  constructor(
    readonly session: Session,
    readonly actions: TopBarActions,
  ) {
    this.dom.className = "top-bar";
  }

  update(report: PanelReport): void {
    if (concerns(report, "debug", "run", "lab", "labs", "settings", "room", "uplink")) this.#draw();
    if (concerns(report, "clock", "run")) this.#drawClock();
  }

  destroy(): void {
    this.dom.remove();
  }

  #draw(): void {
    const { session } = this;
    const { state } = session;
    const isStopped = state === "stopped";
    // The debugger holds time while a program is stopped.
    const isHeld = session.debug.pause !== null;
    const runMore = isStopped ? "" : session.isStale ? " changes" : " again";
    render(
      html`<div class="brand" title="NodeMCU net playground"><img src="favicon.svg" alt="" width="26" height="26" /><h1><span class="brand-long">NodeMCU </span>net playground</h1></div>
        <button class="button quiet lab-button" aria-haspopup="dialog" title="This lab and your other labs" @click=${(event: Event) => this.#openLabs(event)}>
          <span class="lab-title">${session.lab.title || "Untitled lab"}</span>${icon("chevron")}
        </button>
        <div popover class="menu labs-menu" role="dialog" aria-label="Labs" id="labs-menu" @keydown=${moveInMenu}></div>
        <div class="group" role="group" aria-label="Run">
          <button class="button primary run-button" title="Start the lab with the files as they are (Ctrl+Enter)" data-stale=${session.isStale && !isStopped} @click=${() => session.run()}>
            ${icon(isStopped ? "run" : "restart")}<span>Run<span class="run-more">${runMore}</span></span>
          </button>
          <button class="button stop-button" title="Stop everything at once" ?disabled=${isStopped} @click=${() => session.stop()}>${icon("stop")}<span>Stop</span></button>
        </div>
        <div class="group time" role="group" aria-label="Time">
          <button class="button icon-only" aria-label=${state === "paused" ? "Let time go on" : "Pause time"} title=${state === "paused" ? "Let time go on" : "Pause time: all boards stand still"} ?disabled=${isStopped || isHeld} @click=${() => session.setPaused(state !== "paused")}>
            ${icon(state === "paused" ? "run" : "pause")}
          </button>
          <button class="button step" aria-label="To the next callback" title="Run to the next callback, then pause" ?disabled=${isHeld} @click=${() => session.step("callback")}>${icon("step")}<span>Callback</span></button>
          <button class="button step" aria-label="To the next frame" title="Run to the next frame, then pause" ?disabled=${isHeld} @click=${() => session.step("frame")}>${icon("frame")}<span>Frame</span></button>
          <label class="speed" title="Speed of virtual time"><span class="visually-hidden">Speed</span>
            <select ?disabled=${session.room.isIn} @change=${(event: Event) => session.setSpeed(Number((event.target as HTMLSelectElement).value))}>
              ${speeds.map((speed) => html`<option value=${speed} ?selected=${speed === session.client.speed}>${speed}×</option>`)}
            </select>
          </label>
          <label class="seed" title="Seed: the same seed gives the same run, losses and delays included"><span>Seed</span>
            <input type="number" aria-label="Seed" min="0" max="9007199254740991" .value=${String(session.lab.seed ?? 0)} @change=${(event: Event) => this.#setSeed(event)} />
          </label>
          <output class="clock" aria-label="Virtual time" title="Virtual time of the lab"></output>
        </div>
        <button class="button connect-button" data-connected=${session.room.isIn || session.uplink?.state === "up"} data-state=${session.relay ? (session.uplink?.state ?? "connecting") : "off"} title="Lead the boards to the real network, or share one network with others" @click=${() => void import("./connect.ts").then(({ showConnect }) => showConnect(session))}>${icon("cable")}<span>${session.room.isIn ? `Room: ${session.room.members.length}` : session.relay ? (session.uplink?.state === "up" ? "Connected" : "Connecting") : "Connect"}</span></button>
        <button class="button" @click=${() => this.actions.openGallery()}>${icon("examples")}<span>Examples</span></button>
        <button class="button" title="A link that carries the whole lab" @click=${() => void import("./share.ts").then(({ showShare }) => showShare(this.session, this.actions.toast))}>${icon("link")}<span>Share</span></button>
        <button class="button quiet icon-only" aria-label="Settings" aria-haspopup="dialog" title="Theme and text size" @click=${(event: Event) => this.#openSettings(event)}>${icon("gear")}</button>
        <div popover class="popover settings" role="dialog" aria-label="Settings" id="settings"></div>`,
      this.dom,
    );
  }

  #drawClock(): void {
    const output = this.dom.querySelector("output");
    if (!output) return;
    const { session } = this;
    output.textContent = clock(session.nowMs);
    const late = session.load > 0.9 && session.state === "running" ? " (this machine cannot keep up)" : "";
    output.title = `Virtual time of the lab${late}`;
    output.classList.toggle("is-late", late !== "");
  }

  #setSeed(event: Event): void {
    const seed = Number((event.target as HTMLInputElement).value);
    if (!Number.isSafeInteger(seed) || seed < 0) return;
    const { seed: _, ...rest } = this.session.lab;
    this.session.edit(seed === 0 ? rest : { ...rest, seed });
  }

  #openLabs(event: Event): void {
    const menu = this.dom.querySelector<HTMLElement>("#labs-menu");
    if (!menu) return;
    const { session } = this;
    const item = (text: string, name: Parameters<typeof icon>[0], action: () => void): TemplateResult =>
      html`<button role="menuitem" @click=${() => (menu.hidePopover(), action())}>${icon(name)}${text}</button>`;
    const others = session.library.entries().filter((entry) => entry.id !== session.labId);
    render(
      html`<label class="field menu-field"
          ><span>Name of this lab</span>
          <input .value=${session.lab.title ?? ""} maxlength="80" @input=${(input: Event) => session.edit({ ...session.lab, title: (input.target as HTMLInputElement).value })} />
        </label>
        <div role="menu" aria-label="Labs">
        ${item("New lab", "add", () => session.openLab(newLab("Untitled lab"), newId()))} ${item("Copy this lab", "copy", () => this.#duplicate())}
        ${item("Export as a file", "download", () => download(`${fileName(session.lab.title ?? "lab")}.lab.json`, `${JSON.stringify(session.lab, null, 2)}\n`, "application/json"))}
        ${(session.lab.inputs?.length ?? 0) === 0 ? nothing : item("Forget the recorded inputs", "restart", () => this.#forgetInputs())}
        ${item("Import from a file…", "upload", () => this.#import())} ${item("Delete this lab…", "clear", () => this.#delete())}
        ${others.length === 0 ? nothing : html`<p class="menu-head">Your other labs</p>`}
        ${others.slice(0, 30).map((entry) => item(entry.title || "Untitled lab", "examples", () => this.#open(entry.id)))}
        </div>`,
      menu,
    );
    openBeside(event.currentTarget as HTMLElement, menu);
  }

  #open(id: string): void {
    const lab = this.session.library.load(id);
    if (lab) this.session.openLab(lab, id);
    else this.actions.toast("That lab could not be read any more.");
  }

  /** A lab that was shared with what somebody did repeats it in every run, until this. */
  #forgetInputs(): void {
    const { inputs: _, ...rest } = this.session.lab;
    this.session.edit(rest);
  }

  #duplicate(): void {
    const { lab } = this.session;
    this.session.openLab({ ...lab, title: `${lab.title ?? "Lab"} (copy)` }, newId());
  }

  async #import(): Promise<void> {
    const [file] = await chooseFiles(".json,application/json", false);
    if (!file) return;
    try {
      if (file.size > labBytesMax) throw new NotALab("This file is too large for a lab.");
      this.session.openLab(parseLab(await file.text()), newId());
    } catch (error) {
      this.actions.toast(error instanceof NotALab ? error.message : "The file could not be read.");
    }
  }

  async #delete(): Promise<void> {
    const { session } = this;
    if (!(await confirm("Delete this lab?", `“${session.lab.title || "Untitled lab"}” is removed from this browser.`, "Delete"))) return;
    const id = session.labId;
    const next = session.library.entries().find((entry) => entry.id !== id);
    const lab = next && session.library.load(next.id);
    session.openLab(lab ?? newLab("Untitled lab"), lab && next ? next.id : newId());
    session.library.remove(id);
    session.note("labs");
  }

  #openSettings(event: Event): void {
    const popover = this.dom.querySelector<HTMLElement>("#settings");
    if (!popover) return;
    const { session } = this;
    const draw = (): void => {
      const { settings } = session;
      const save = (values: Partial<typeof settings>): void => {
        session.saveSettings({ ...settings, ...values });
        draw();
      };
      render(
        html`<fieldset class="choices inline">
            <legend>Theme</legend>
            ${(["auto", "light", "dark"] as const).map(
              (theme) => html`<label class="choice"><input type="radio" name="theme" .checked=${settings.theme === theme} @change=${() => save({ theme })} /><span>${theme === "auto" ? "as the system" : theme}</span></label>`,
            )}
          </fieldset>
          <label class="field"
            ><span>Text size: ${settings.textSize} %</span>
            <input
              type="range"
              min="0"
              max=${textSizes.length - 1}
              .value=${String(Math.max(0, textSizes.indexOf(settings.textSize)))}
              aria-valuetext=${`${settings.textSize} percent`}
              @input=${(input: Event) => save({ textSize: textSizes[Number((input.target as HTMLInputElement).value)] ?? 100 })}
            />
          </label>
          <p class="muted small-text">Large text suits a projector. Keys: Ctrl+Enter runs; the arrow keys move in lists, tabs and the timeline; the bars between panes move with the arrow keys too.</p>`,
        popover,
      );
    };
    draw();
    openBeside(event.currentTarget as HTMLElement, popover);
  }
}

/** A name for a lab in this browser. */
export function newId(): string {
  // `randomUUID` is kept from pages of plain http, which a workshop's are.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
