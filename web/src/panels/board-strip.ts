/** The open board at a glance: LEDs, button, Wi-Fi and heap, power, cable, restart, and the profile in force. */

import { html, nothing, render, type TemplateResult } from "lit";

import type { BoardStatus } from "../generated/BoardStatus.ts";
import { boardOf, boardsOf, withBoard } from "../store/labs.ts";
import type { Session } from "../store/session.ts";
import { icon } from "../ui/icons.ts";
import { openBeside } from "../ui/popover.ts";
import { isCut, setLinkDown } from "./faults.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";
import { profileForm, profileName } from "./profile.ts";

/** The module's own LEDs, lit when their pin is low (NodeMCU development board). */
const ledPins: readonly { readonly pin: number; readonly name: string }[] = [
  { pin: 4, name: "LED" },
  { pin: 0, name: "board LED" },
];
const buttonPin = 3;

export class BoardStrip implements Panel {
  readonly dom = document.createElement("div");

  constructor(readonly session: Session) {
    this.dom.className = "board-strip";
  }

  update(report: PanelReport): void {
    if (concerns(report, "boards", "lab", "open", "run", "map")) this.#draw();
  }

  destroy(): void {
    this.dom.remove();
  }

  #draw(): void {
    const { session } = this;
    const name = session.board;
    const board = boardOf(session.lab, name);
    if (!board) {
      render(nothing, this.dom);
      return;
    }
    const status = session.state === "stopped" ? undefined : session.boardStatus(name);
    render(
      html`<div class="strip-facts">${status ? facts(status) : html`<span class="fact muted">${session.hasRun ? "stopped" : "not started yet"}</span>`}</div>
        <div class="strip-actions">
          <button
            class="button small"
            title="The flash button (pin D3), held while pressed"
            ?disabled=${!status || status.power === "off"}
            @pointerdown=${(event: PointerEvent) => this.#press(event)}
            @lostpointercapture=${() => this.#button(false)}
            @keydown=${(event: KeyboardEvent) => !event.repeat && [" ", "Enter"].includes(event.key) && this.#button(true)}
            @keyup=${(event: KeyboardEvent) => [" ", "Enter"].includes(event.key) && this.#button(false)}
          >
            Button
          </button>
          ${this.#toggle("power", status !== undefined && status.power !== "off", "Power", status !== undefined, (on) => session.input({ type: "power", board: name, on }))}
          ${this.#toggle("wifi", !isCut(session, name), "In radio range", true, (on) => setLinkDown(session, name, !on))}
          <button class="button quiet icon-only small" aria-label=${`Restart ${name} with its edited files`} title="Restart this board with its edited files" @click=${() => session.restartBoard(name)}>
            ${icon("restart")}
          </button>
          <button class="button small profile-button" aria-haspopup="dialog" title="Which behaviour, API and Lua this board has" @click=${(event: Event) => this.#openProfile(event)}>${profileName(board)}</button>
          <div popover class="popover profile" id="profile" role="dialog" aria-label="Behaviour, API and Lua"></div>
        </div>`,
      this.dom,
    );
  }

  #toggle(name: "power" | "wifi", on: boolean, text: string, enabled: boolean, set: (on: boolean) => void): TemplateResult {
    return html`<button class="button small toggle" aria-pressed=${on} ?disabled=${!enabled} title=${`${text}: ${on ? "on" : "off"}`} aria-label=${text} @click=${() => set(!on)}>
      ${icon(name)}
    </button>`;
  }

  /** Holds on to the pointer: what the pressed button changes in the strip may move the button away from under it. */
  #press(event: PointerEvent): void {
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.#button(true);
  }

  /** The button pulls its pin low. */
  #button(pressed: boolean): void {
    this.session.input({ type: "pin", board: this.session.board, pin: buttonPin, high: !pressed });
  }

  #openProfile(event: Event): void {
    const popover = this.dom.querySelector<HTMLElement>("#profile");
    if (!popover) return;
    const { session } = this;
    const draw = (): void => {
      const board = boardOf(session.lab, session.board);
      if (!board) return;
      const change = (values: Partial<typeof board>): void => {
        session.edit(withBoard(session.lab, board.name, (old) => ({ ...old, ...values })));
        draw();
      };
      const toAll = (): void => {
        const { behaviour, release, lua } = board;
        const values = { ...(behaviour && { behaviour }), ...(release && { release }), ...(lua && { lua }) };
        let { lab } = session;
        for (const other of boardsOf(lab)) lab = withBoard(lab, other.name, ({ behaviour: _b, release: _r, lua: _l, ...rest }) => ({ ...rest, ...values }));
        session.edit(lab);
      };
      render(profileForm(board, boardsOf(session.lab).length > 1, change, toAll, () => (popover.hidePopover(), session.run())), popover);
    };
    draw();
    openBeside(event.currentTarget as HTMLElement, popover);
  }
}

function facts(status: BoardStatus): TemplateResult {
  const pins = status.pins.filter(({ pin, output, high }) => (output || !high) && !(output && ledPins.some((led) => led.pin === pin)));
  const used = status.heapBytes > 0 ? 1 - status.heapFreeBytes / status.heapBytes : 0;
  return html`${leds(status)}
    <span class="fact" title=${`Station: ${status.wifi}${status.rssiDbm === null ? "" : `, ${status.rssiDbm} dBm`}`}>${icon("wifi")}${wifiText(status)}</span>
    <span class="fact heap" title=${`Heap: ${status.heapFreeBytes.toLocaleString("en")} of ${status.heapBytes.toLocaleString("en")} bytes free`}>
      <span class="meter" style=${`--used:${Math.round(used * 100)}%`} aria-hidden="true"></span>${Math.round(status.heapFreeBytes / 1024)} kB free
    </span>
    ${status.power === "crashed" ? html`<span class="fact bad">${icon("warning")}crashed, waits for its watchdog</span>` : nothing}
    ${status.power === "off" ? html`<span class="fact muted">off</span>` : nothing}
    ${pins.length > 0 ? html`<span class="pins" role="group" aria-label="Pins">${pins.map((pin) => html`<span class="pin" data-high=${pin.high} title=${`Pin D${pin.pin}: ${pin.high ? "high" : "low"}, ${pin.output ? "output" : "input"}`}>D${pin.pin}<i>${pin.high ? "1" : "0"}</i></span>`)}</span>` : nothing}`;
}

function leds(status: BoardStatus): TemplateResult {
  return html`${ledPins.map(({ pin, name }) => {
    const found = status.pins.find((other) => other.pin === pin && other.output);
    const isLit = found !== undefined && !found.high && status.power !== "off";
    if (!found && pin !== 4) return nothing;
    return html`<span class="fact led" data-lit=${isLit} title=${`${name} on pin D${pin}, lit when the pin is low`}><span class="led-lamp" aria-hidden="true"></span>${name} ${isLit ? "on" : "off"}</span>`;
  })}`;
}

function wifiText(status: BoardStatus): string {
  if (status.ssid !== null) return status.ssid;
  const texts: Readonly<{ [state: string]: string }> = {
    STA_CONNECTING: "connecting…",
    STA_WRONGPWD: "wrong password",
    STA_APNOTFOUND: "network not found",
    STA_FAIL: "failed",
    STA_IDLE: "idle",
  };
  return texts[status.wifi] ?? status.wifi;
}
