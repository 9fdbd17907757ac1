/**
 * The part of the dialog "Connect" about the real network, which a relay leads to.
 *
 * It shows what is so (`session.uplink`) and says what a person wants (`session.setRelay`); nothing is sent before "Connect" is
 * pressed, and no port is open outside before it is published here.
 */

import { html, nothing, render, type TemplateResult } from "lit";

import type { WantedPort } from "../engine/relay.ts";
import type { PublishedPortView } from "../generated/PublishedPortView.ts";
import type { UplinkView } from "../generated/UplinkView.ts";
import { boardsOf } from "../store/labs.ts";
import { pairingCode, portNumber, relayAddress } from "../store/relay-address.ts";
import type { Session } from "../store/session.ts";
import { icon } from "../ui/icons.ts";

/** Where `playground serve` listens unless told otherwise. */
const usualAddress = "ws://127.0.0.1:8266/";

export class RelaySection {
  readonly dom = document.createElement("section");
  #address: string;
  #code: string;
  #problem = "";
  #portProblem = "";

  constructor(readonly session: Session) {
    this.dom.setAttribute("aria-labelledby", "connect-relay");
    this.#address = session.relay?.name ?? usualAddress;
    this.#code = session.relay?.code ?? "";
    if (!session.relay) void this.#lookForOwnRelay();
  }

  /** Shows what is so by now. */
  draw(): void {
    render(this.#content(), this.dom);
  }

  // ---- the relay

  #content(): TemplateResult {
    const { relay, uplink, state } = this.session;
    return html`<h3 id="connect-relay">The real network</h3>
      <p class="muted">A relay carries the boards' connections to real servers, and real clients to the boards. Start one with <code>playground serve</code>. Names that you edited and the LAN stay as they are; everything else becomes real.</p>
      <form
        class="connect-form"
        @submit=${(event: Event) => {
          event.preventDefault();
          this.#connect();
        }}
      >
        <label class="field wide-field"><span>Relay</span><input name="relay" autocomplete="off" spellcheck="false" .value=${this.#address} ?disabled=${relay !== null} aria-describedby="relay-problem" @input=${(event: Event) => (this.#address = valueOf(event))} /></label>
        <label class="field"><span>Pairing code</span><input name="code" autocomplete="off" spellcheck="false" size="10" .value=${this.#code} ?disabled=${relay !== null} @input=${(event: Event) => (this.#code = valueOf(event))} /></label>
        ${relay
          ? html`<button type="button" class="button" @click=${() => this.session.setRelay(null)}>Disconnect</button>${uplink?.state === "lost" ? html`<button type="button" class="button" @click=${() => this.session.setRelay({ ...relay })}>Try again now</button>` : nothing}`
          : html`<button type="submit" class="button primary">Connect</button>`}
      </form>
      <p class="field-problem" id="relay-problem" role="alert">${this.#problem}</p>
      <p class="connect-state" role="status" data-state=${relay ? (uplink?.state ?? "off") : "off"}>${relay === null ? "Not connected: the lab has its built-in internet." : state === "stopped" ? "Press Run: the relay is used while the lab runs." : inWords(uplink)}</p>
      ${uplink?.message ? html`<p class="muted">The relay says: ${uplink.message}</p>` : nothing} ${relay ? this.#ports(uplink) : nothing}`;
  }

  #connect(): void {
    const address = relayAddress(this.#address, this.#code);
    this.#problem = typeof address === "string" ? address : "";
    if (typeof address !== "string") this.session.setRelay({ ...address, ports: [] });
    this.draw();
  }

  /** A page that a relay serves knows its relay; the code is given to this machine's own browser, or stands in the link. */
  async #lookForOwnRelay(): Promise<void> {
    const known = pairingCode(location.hash);
    if (location.protocol !== "http:") return;
    try {
      const answer = await fetch(`relay.json${known === null ? "" : `?code=${known}`}`);
      if (!answer.ok) return;
      const { wisp } = (await answer.json()) as { readonly wisp?: unknown };
      this.#address = `ws://${location.host}/`;
      this.#code = (typeof wisp === "string" ? /^wisp\/([\w-]+)\//.exec(wisp)?.[1] : undefined) ?? known ?? "";
      this.draw();
    } catch {
      // A page from a plain web server: the usual address stays.
    }
  }

  // ---- published ports

  #ports(uplink: UplinkView | null): TemplateResult {
    const boards = boardsOf(this.session.lab);
    const ports = this.session.relay?.ports ?? [];
    return html`<h4>Published ports</h4>
      ${ports.length === 0 ? html`<p class="muted">None: nobody outside can reach a board.</p>` : nothing}
      <ul class="port-list">
        ${ports.map((port) => {
          const view = uplink?.ports.find((known) => isSame(known, port));
          return html`<li>
            <span>${port.protocol.toUpperCase()} ${port.port} of <b>${port.board}</b></span>
            ${view?.address ? html`<code class="port-address">${view.address}</code>` : html`<span class=${view?.error ? "bad" : "muted"}>${view?.error ?? "waiting for the relay"}</span>`}
            <button type="button" class="button quiet icon-only small" aria-label=${`Close port ${port.port} of ${port.board}`} title="Close this port" @click=${() => this.#setPorts(ports.filter((other) => other !== port))}>${icon("close")}</button>
          </li>`;
        })}
      </ul>
      <form class="connect-form" @submit=${(event: Event) => this.#publish(event)}>
        <label class="field"><span>Board</span><select name="board">${boards.map((board) => html`<option>${board.name}</option>`)}</select></label>
        <label class="field"><span>Port</span><input name="port" inputmode="numeric" size="6" autocomplete="off" aria-describedby="port-problem" /></label>
        <label class="field"><span>Transport</span><select name="protocol"><option value="tcp">TCP</option><option value="udp">UDP</option></select></label>
        <button type="submit" class="button">Publish</button>
      </form>
      <p class="field-problem" id="port-problem" role="alert">${this.#portProblem}</p>
      <p class="muted small-text">Whoever reaches the relay's machine can then reach that port of the board.</p>`;
  }

  #publish(event: Event): void {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const port = portNumber(String(given.get("port")));
    this.#portProblem = typeof port === "string" ? port : "";
    const ports = this.session.relay?.ports ?? [];
    if (typeof port === "number") {
      const wanted: WantedPort = { board: String(given.get("board")), protocol: given.get("protocol") === "udp" ? "udp" : "tcp", port };
      if (!ports.some((other) => isSame(other, wanted))) return this.#setPorts([...ports, wanted]);
    }
    this.draw();
  }

  #setPorts(ports: readonly WantedPort[]): void {
    const { relay } = this.session;
    if (relay) this.session.setRelay({ ...relay, ports });
    this.draw();
  }
}

const valueOf = (event: Event): string => (event.target as HTMLInputElement).value;

const isSame = (one: WantedPort | PublishedPortView, other: WantedPort): boolean => one.board === other.board && one.protocol === other.protocol && one.port === other.port;

/** How the way to the real network stands, for the dialog and the button that opens it. */
export function inWords(uplink: UplinkView | null): string {
  switch (uplink?.state) {
    case "up":
      return `Connected to ${uplink.relay} (Wisp ${uplink.version}${uplink.confirms ? "" : "; it does not say when a connection is really open, so that is assumed"}${uplink.extended ? "" : "; no published ports, no pings"}). Connections: ${uplink.streams}.`;
    case "lost":
      return `The relay ${uplink.relay} is out of reach: ${uplink.error ?? "no reason given"}. Trying again. Connections through it were reset.`;
    case "greeting":
    case "connecting":
    case "off":
    case undefined:
      return "Connecting…";
  }
}
