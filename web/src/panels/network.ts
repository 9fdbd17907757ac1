/** The network: hosts and links as a map with frames on their way, and for the chosen host its link's dials and its tables. */

import { html, nothing, render, svg, type TemplateResult } from "lit";

import type { Faults } from "../engine/lab.ts";
import type { HostView } from "../generated/HostView.ts";
import type { LeaseView } from "../generated/LeaseView.ts";
import type { LinkView } from "../generated/LinkView.ts";
import type { Host } from "../store/hosts.ts";
import type { Session } from "../store/session.ts";
import { clock } from "../trace/format.ts";
import type { FrameView } from "../trace/log.ts";
import { css } from "../ui/css.ts";
import { remPixels } from "../ui/rem.ts";
import { linkOf, setFault, setLink, setLinkDown } from "./faults.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

/** Width of the map's drawing where the window has the room; more follows the window's shape. */
const widthUsual = 780;
/** The map is scrolled rather than drawn smaller than this, in pixels for a unit of the drawing at the usual text size. */
const scaleMin = 0.78;
/** Room that a host of the internet needs for its address, and one below the router. */
const serverWidthMin = 136;
const belowWidthMin = 156;
/** Wall time in which a drawn frame crosses its link, in milliseconds. */
const flightWallMs = 650;
/** Frames drawn at once. */
const flightsMax = 24;

interface Place {
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Flight {
  readonly dom: SVGElement;
  readonly way: readonly Place[];
  readonly since: number;
  readonly isLost: boolean;
}

interface Dial {
  readonly name: keyof Faults;
  readonly title: string;
  readonly max: number;
  readonly step: number;
  readonly show: (value: number) => string;
}

const percent = (value: number): string => `${Math.round(value * 100)} %`;
const millis = (value: number): string => `${value} ms`;

const dials: readonly Dial[] = [
  { name: "loss", title: "Loss", max: 1, step: 0.01, show: percent },
  { name: "latencyMs", title: "Latency", max: 1000, step: 1, show: millis },
  { name: "jitterMs", title: "Jitter", max: 500, step: 1, show: millis },
  { name: "rateKbps", title: "Rate", max: 54_000, step: 100, show: (value) => (value === 0 ? "unlimited" : `${value} kbit/s`) },
  { name: "corruption", title: "Damage", max: 1, step: 0.01, show: percent },
  { name: "duplication", title: "Duplicates", max: 1, step: 0.01, show: percent },
  { name: "reordering", title: "Overtaking", max: 1, step: 0.01, show: percent },
];

export class NetworkPanel implements Panel {
  readonly dom = document.createElement("div");
  readonly #map = document.createElement("div");
  readonly #side = document.createElement("div");
  readonly #flightLayer = document.createElementNS("http://www.w3.org/2000/svg", "g");
  readonly #isStill = matchMedia("(prefers-reduced-motion: reduce)");
  #chosen: number | null = null;
  #places = new Map<number, Place>();
  #flights: Flight[] = [];
  #seen = 0;
  #generation = -1;
  #frame = 0;
  #width = widthUsual;
  #room: Size = { width: 0, height: 0 };
  readonly #resize = new ResizeObserver(([entry]) => {
    const rem = remPixels(this.#map) / 16;
    this.#room = { width: (entry?.contentRect.width ?? 0) / rem, height: (entry?.contentRect.height ?? 0) / rem };
    this.#draw();
  });

  constructor(readonly session: Session) {
    this.dom.className = "view network";
    this.#map.className = "network-map";
    this.#side.className = "network-side scroll";
    const body = document.createElement("div");
    body.className = "view-body";
    body.append(this.#map, this.#side);
    this.dom.append(body);
    this.#resize.observe(this.#map);
  }

  update(report: PanelReport): void {
    if (concerns(report, "hosts", "map", "run", "lab", "view")) this.#draw();
    if (concerns(report, "records")) this.#fly();
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#resize.disconnect();
    this.dom.remove();
  }

  #draw(): void {
    const { session } = this;
    if (session.hosts.all.length === 0 || !session.map) {
      this.#places.clear();
      render(html`<p class="empty-note">${session.state === "stopped" ? "Press Run: the network appears with its hosts and links." : "The network is being set up…"}</p>`, this.#map);
      render(nothing, this.#side);
      return;
    }
    const { width, height, cloud, places } = layoutOf(session.hosts.all, this.#room);
    this.#width = width;
    this.#places = places;
    const chosen = session.map.hosts.find((host) => host.id === this.#chosen) ?? session.map.hosts.find((host) => host.kind === "board") ?? session.map.hosts[0];
    render(
      html`<svg viewBox=${`0 0 ${width} ${height}`} style=${css(`--map-height:${(height * scaleMin) / 16}rem`)} role="group" aria-label="Map of the network">
        <rect class="cloud" x="6" y="4" width=${width - 12} height=${cloud - 4} rx="24" />
        <text class="cloud-name" x="14" y=${cloud + 16}>built-in internet</text>
        ${session.map.links.map((link) => this.#link(link))}
        ${session.map.hosts.map((host) => this.#node(host, host.id === chosen?.id))}
      </svg>
      <svg class="flights" viewBox=${`0 0 ${width} ${height}`} style=${css(`--map-height:${(height * scaleMin) / 16}rem`)} aria-hidden="true">${this.#flightLayer}</svg>`,
      this.#map,
    );
    render(chosen ? this.#details(chosen) : nothing, this.#side);
  }

  #link(link: LinkView): TemplateResult {
    const from = this.#places.get(link.host);
    const internet = this.session.hosts.byKind("internet");
    const to = link.to === null ? ((internet && this.#places.get(internet.id)) ?? { x: this.#width / 2, y: 94 }) : this.#places.get(link.to);
    if (!from || !to) return svg``;
    const { loss = 0 } = link.link.toHost ?? {};
    const worst = Math.max(loss, link.link.fromHost?.loss ?? 0);
    const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
    const text = link.link.down ? "cut" : worst > 0 ? `${percent(worst)} loss` : "";
    return svg`<line class=${`link${this.session.hosts.get(link.host)?.kind === "server" ? " faint" : ""}${link.wireless ? " wireless" : ""}${link.link.down ? " down" : ""}${worst > 0 ? " lossy" : ""}`} x1=${from.x} y1=${from.y} x2=${to.x} y2=${to.y} />
      ${text === "" ? nothing : svg`<g class="link-label"><rect x=${x - 38} y=${y - 11} width="76" height="22" rx="11" /><text x=${x} y=${y + 4.500}>${text}</text></g>`}`;
  }

  #node(host: HostView, isChosen: boolean): TemplateResult {
    const place = this.#places.get(host.id);
    const known = this.session.hosts.get(host.id);
    if (!place || !known) return svg``;
    const isOthers = host.owner !== null;
    const isServer = host.kind === "server" || (host.kind === "outside" && !isOthers) || host.kind === "internet";
    const isInternet = host.kind === "internet";
    const textX = isServer ? 24 : 28;
    const [w, h] = isInternet ? [96, 24] : isServer ? [Math.min(150, this.#perServer() - 8), 34] : [isOthers ? Math.min(150, this.#perOther() - 6) : 150, 46];
    const choose = (): void => {
      this.#chosen = host.id;
      this.#draw();
    };
    const key = (event: KeyboardEvent): void => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    };
    return svg`<g class=${`node${isServer ? " small" : ""}${isChosen ? " chosen" : ""}${host.up || isInternet ? "" : " off"}`} data-hue=${known.hue} transform=${`translate(${place.x - w / 2} ${place.y - h / 2})`} tabindex="0" role="button" aria-pressed=${isChosen} aria-label=${`${host.name}, ${known.ip ?? "no address"}${host.up ? "" : ", not reachable"}`} @click=${choose} @keydown=${key}>
      <rect width=${w} height=${h} rx="9" />
      <text class="node-shape" x=${isServer ? 8 : 10} y=${isInternet ? 17 : isServer ? 21 : 20}>${known.shape}</text>
      <svg class="node-clip" x=${textX} y="0" width=${w - textX - 4} height=${h}><text class="node-name" x="0" y=${isInternet ? 16.500 : isServer ? 14 : 20}>${host.name}</text></svg>
      ${isInternet ? nothing : svg`<text class="node-ip" x=${textX} y=${isServer ? 28 : 37}>${known.ip ?? this.#without(host)}</text>`}
    </g>`;
  }

  /** Why a host has no address. */
  #without(host: HostView): string {
    if (host.up) return "no address";
    const power = this.session.boardStatus(host.name)?.power;
    return host.kind !== "board" || power === "off" ? "off" : power === "asleep" ? "asleep" : "no network";
  }

  /** Width of the place of a host in the rows below the router. */
  #perOther(): number {
    const below = this.session.hosts.all.filter(isBelow);
    return (this.#width - 12) / Math.ceil(below.length / rowsBelow(below.length, this.#width));
  }

  #perServer(): number {
    const servers = this.session.hosts.all.filter((host) => host.kind === "server" || (host.kind === "outside" && !isBelow(host)));
    return (this.#width - 28) / serversPerRow(servers.length, this.#width);
  }

  #details(host: HostView): TemplateResult {
    const { session } = this;
    const known = session.hosts.get(host.id);
    const link = session.map?.links.find((other) => other.host === host.id);
    const leases = session.map?.leases.filter((lease) => lease.server === host.id) ?? [];
    // A board's access point is told of once it is there.
    const faces = host.interfaces.filter((face) => face.index === 0 || face.ip !== null);
    return html`<header data-hue=${known?.hue ?? 8}><h2><span class="shape" aria-hidden="true">${known?.shape}</span> ${host.name}</h2></header>
      <dl class="facts">
        ${faces.map((face) => html`<div><dt>${faces.length > 1 ? (host.kind === "router" ? ["Inside", "Outside"] : ["Station", "Access point"])[face.index] : "Address"}</dt><dd class="mono">${face.ip ?? "none"}${face.prefixLength === null ? "" : `/${face.prefixLength}`}<br /><span class="muted">${face.mac}</span></dd></div>`)}
      </dl>
      ${host.owner === null ? nothing : html`<p class="muted small-text">A host of ${host.owner || "somebody"} in the room. Its link and its tables are on their page.</p>`}
      ${link && host.owner === null ? this.#dials(host.name, link) : nothing}
      ${host.owner === null ? this.#tables(host, leases) : nothing}`;
  }

  #tables(host: HostView, leases: readonly LeaseView[]): TemplateResult {
    return html`<h3>Sockets</h3>
      ${host.sockets.length === 0
        ? html`<p class="muted small-text">none</p>`
        : html`<table class="table compact"><thead><tr><th></th><th>State</th><th>Local</th><th>Remote</th></tr></thead>
            <tbody>${host.sockets.map((socket) => html`<tr><td>${socket.protocol.toUpperCase()}</td><td>${socket.state.replaceAll("_", "-").toUpperCase()}</td><td class="mono">${socket.local ?? "–"}</td><td class="mono">${socket.remote ?? "–"}${socket.unsentBytes > 0 ? html` <span class="tag" title="bytes not yet acknowledged">${socket.unsentBytes} out</span>` : nothing}</td></tr>`)}</tbody></table>`}
      <h3>Neighbours (ARP)</h3>
      ${host.arp.length === 0 ? html`<p class="muted small-text">none</p>` : html`<table class="table compact"><tbody>${host.arp.map((entry) => html`<tr><td class="mono">${entry.ip}</td><td class="mono">${entry.mac}</td></tr>`)}</tbody></table>`}
      ${leases.length === 0
        ? nothing
        : html`<h3>Leases (DHCP)</h3><table class="table compact"><thead><tr><th>Address</th><th>Host</th><th>Until</th></tr></thead><tbody>${leases.map((lease) => html`<tr><td class="mono">${lease.ip}</td><td>${lease.hostname ?? lease.mac}</td><td class="mono">${lease.expiresMs === null ? "for ever" : clock(lease.expiresMs)}</td></tr>`)}</tbody></table>`}`;
  }

  #dials(host: string, link: LinkView): TemplateResult {
    const { session } = this;
    const own = linkOf(session, host);
    const isChanged = Object.keys(own).length > 0;
    return html`<fieldset class="dials">
      <legend>Its link, both ways</legend>
      ${dials.map((dial) => {
        const value = link.link.toHost?.[dial.name] ?? 0;
        return html`<label class="dial"
          ><span>${dial.title}</span>
          <input type="range" min="0" max=${dial.max} step=${dial.step} .value=${String(value)} aria-valuetext=${dial.show(value)} @input=${(event: Event) => setFault(session, host, dial.name, Number((event.target as HTMLInputElement).value))} />
          <output>${dial.show(value)}</output></label
        >`;
      })}
      <div class="dial-actions">
        <button class="button small" aria-pressed=${link.link.down === true} @click=${() => setLinkDown(session, host, link.link.down !== true)}>${link.link.down ? "Cut: connect again" : "Cut the link"}</button>
        <button class="button small" ?disabled=${!isChanged} @click=${() => setLink(session, host, {})}>As new</button>
      </div>
    </fieldset>`;
  }

  /** Lets the newest frames travel over the map. */
  #fly(): void {
    const { log } = this.session;
    if (log.generation !== this.#generation) {
      this.#generation = log.generation;
      this.#seen = log.frames.at(-1)?.id ?? 0;
    }
    const fresh: FrameView[] = [];
    for (let index = log.frames.length - 1; index >= 0; index--) {
      const frame = log.frames[index];
      if (!frame || frame.id <= this.#seen) break;
      fresh.push(frame);
    }
    this.#seen = log.frames.at(-1)?.id ?? this.#seen;
    if (this.#isStill.matches || !this.dom.isConnected) return;
    for (const frame of fresh.slice(0, flightsMax).reverse()) this.#launch(frame);
    if (this.#flights.length > 0 && this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#move());
  }

  #launch(frame: FrameView): void {
    const hue = this.session.hosts.get(frame.host)?.hue ?? 8;
    const isLost = frame.arrivals.length === 0 && frame.drops.length > 0;
    const targets = frame.arrivals.length > 0 ? frame.arrivals.map((arrival) => arrival.host) : frame.drops.map((drop) => drop.host);
    for (const target of targets) {
      if (target === frame.host || this.#flights.length >= flightsMax * 2) continue;
      const way = this.#way(frame.host, target);
      if (way.length < 2) continue;
      const dom = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      dom.setAttribute("r", frame.summary.transport?.payloadBytes ? "7" : "4.5");
      dom.setAttribute("class", isLost ? "flight lost" : "flight");
      dom.dataset["hue"] = String(hue);
      this.#flightLayer.append(dom);
      this.#flights.push({ dom, way, since: performance.now(), isLost });
    }
  }

  /** From host to host over the router, as the cables lie. */
  #way(from: number, to: number): readonly Place[] {
    const { hosts } = this.session;
    const isBeyond = (id: number): boolean => ["server", "outside", "internet"].includes(hosts.get(id)?.kind ?? "");
    // Inside the LAN everything meets at the router, outside it at the internet's middle.
    const middle = isBeyond(from) && isBeyond(to) ? hosts.byKind("internet") : hosts.byKind("router");
    const places = [from, ...(middle && middle.id !== from && middle.id !== to ? [middle.id] : []), to];
    return places.flatMap((id) => this.#places.get(id) ?? []);
  }

  #move(): void {
    const now = performance.now();
    this.#flights = this.#flights.filter((flight) => {
      const share = (now - flight.since) / flightWallMs;
      const end = flight.isLost ? 0.55 : 1;
      if (share > end + (flight.isLost ? 0.4 : 0)) {
        flight.dom.remove();
        return false;
      }
      const at = along(flight.way, Math.min(share, end));
      flight.dom.setAttribute("cx", String(at.x));
      flight.dom.setAttribute("cy", String(at.y));
      return true;
    });
    this.#frame = this.#flights.length > 0 ? requestAnimationFrame(() => this.#move()) : 0;
  }
}

/** How many servers stand beside each other in the cloud: in two rows where they fit, in more where not. */
function serversPerRow(count: number, width: number): number {
  const fitting = Math.max(1, Math.floor((width - 28) / serverWidthMin));
  return Math.max(1, Math.min(fitting, count > 5 ? Math.ceil(count / 2) : count));
}

interface Layout extends Size {
  /** Lower edge of the cloud. */
  readonly cloud: number;
  readonly places: Map<number, Place>;
}

/** Where the hosts stand: servers in the cloud, the router below it, boards and the PC at the bottom; as wide as `room` is beside its height. */
function layoutOf(hosts: readonly Host[], room: Size): Layout {
  // Before the first layout there is no room to speak of.
  const widthMin = room.width > 0 ? Math.min(widthUsual, room.width / scaleMin) : widthUsual;
  const widthMax = Math.max(widthMin, room.width / scaleMin);
  let layout = layoutIn(hosts, Math.round(widthMin));
  // A wider drawing takes more hosts in a row and is then less high, so what fits is found by trying.
  for (let tries = 0; tries < 4 && room.height > 0; tries++) {
    const width = Math.round(Math.min(widthMax, Math.max(widthMin, (layout.height * room.width) / room.height)));
    if (width <= layout.width) break;
    layout = layoutIn(hosts, width);
  }
  return layout;
}

function layoutIn(hosts: readonly Host[], width: number): Layout {
  const places = new Map<number, Place>();
  const row = (members: readonly Host[], y: number, margin: number): void => {
    members.forEach((host, index) => {
      places.set(host.id, { x: margin + ((index + 0.5) * (width - 2 * margin)) / members.length, y });
    });
  };
  const servers = hosts.filter((host) => host.kind === "server" || (host.kind === "outside" && !isBelow(host)));
  const perServerRow = serversPerRow(servers.length, width);
  const serverRows = Math.max(1, Math.ceil(servers.length / perServerRow));
  for (let index = 0; index < serverRows; index++) row(servers.slice(index * perServerRow, (index + 1) * perServerRow), 28 + index * 42, 14);
  const cloud = 10 + serverRows * 42;
  const ofKind = (kind: Host["kind"]): readonly Host[] => hosts.filter((host) => host.kind === kind);
  row(ofKind("internet"), cloud + 24, 0);
  row(ofKind("router"), cloud + 78, 0);
  const below = hosts.filter(isBelow);
  const rows = rowsBelow(below.length, width);
  const perRow = Math.max(1, Math.ceil(below.length / rows));
  const firstRow = cloud + (rows === 1 ? 170 : 138);
  for (let index = 0; index < rows; index++) row(below.slice(index * perRow, (index + 1) * perRow), firstRow + index * 52, 6);
  return { width, height: firstRow + (rows - 1) * 52 + 30, cloud, places };
}

/** Whether a host stands below the router: a board or PC, of this page or of another member of the room. */
function isBelow(host: Host): boolean {
  return host.kind === "board" || host.kind === "pc" || (host.kind === "outside" && host.owner !== null);
}

function rowsBelow(count: number, width: number): number {
  return Math.max(1, Math.ceil(count / Math.max(1, Math.floor((width - 12) / belowWidthMin))));
}

function along(way: readonly Place[], share: number): Place {
  const legs = way.length - 1;
  const leg = Math.min(legs - 1, Math.floor(share * legs));
  const part = share * legs - leg;
  const [from, to] = [way[leg], way[leg + 1]];
  if (!from || !to) return { x: 0, y: 0 };
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
