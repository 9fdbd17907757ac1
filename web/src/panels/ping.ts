/** Pings: from any board or the PC to any host with one click, each echo with its way and its time. */

import { html, nothing, render, svg, type TemplateResult } from "lit";

import type { Session } from "../store/session.ts";
import type { Host } from "../store/hosts.ts";
import { dropText } from "../trace/describe.ts";
import { seconds, span } from "../trace/format.ts";
import type { RecordOf, TraceRecord } from "../trace/record.ts";
import { type Echo, joinEchoes } from "../trace/echoes.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

/** Echoes in the chart and the list. */
const echoesMax = 60;
/** Hops looked for on an echo's way. */
const hopsMax = 16;

interface Hop {
  readonly host: number;
  readonly at: number;
  readonly lost: string | null;
}

export class PingPanel implements Panel {
  readonly dom = document.createElement("div");
  #from = "";
  #target = "";
  #count = 4;

  constructor(readonly session: Session) {
    this.dom.className = "view ping";
  }

  update(report: PanelReport): void {
    if (concerns(report, "records", "hosts", "run", "selection")) this.#draw();
  }

  destroy(): void {
    this.dom.remove();
  }

  #draw(): void {
    const { session } = this;
    const hosts = session.hosts.all;
    const senders = hosts.filter((host) => host.kind === "board" || host.kind === "pc");
    const isStopped = session.state === "stopped";
    render(
      html`<form class="view-tools" @submit=${(event: Event) => (event.preventDefault(), this.#ping(this.#target || "8.8.8.8"))}>
          <label class="inline-field"
            ><span>From</span
            ><select class="small" @change=${(event: Event) => (this.#from = (event.target as HTMLSelectElement).value)}>
              ${senders.map((host) => html`<option value=${host.name} ?selected=${host.name === this.#from}>${host.name}</option>`)}
            </select></label
          >
          <label class="inline-field"><span>to</span><input class="small mono" list="ping-targets" placeholder="8.8.8.8 or a name" .value=${this.#target} @input=${(event: Event) => (this.#target = (event.target as HTMLInputElement).value.trim())} /></label>
          <datalist id="ping-targets">${hosts.map((host) => html`<option value=${host.kind === "server" ? host.name : (host.ip ?? host.name)}>${host.name}</option>`)}</datalist>
          <label class="inline-field"><span>times</span><input class="small count" type="number" min="1" max="100" .value=${String(this.#count)} @change=${(event: Event) => (this.#count = Math.min(100, Math.max(1, Number((event.target as HTMLInputElement).value) || 4)))} /></label>
          <button class="button small primary" ?disabled=${isStopped}>Ping</button>
        </form>
        <div class="view-body ping-body">
          <section class="scroll" aria-label="Hosts to ping">
            <ul class="ping-targets">
              ${hosts.filter((host) => host.kind !== "internet" && host.name !== this.#sender()?.name).map((host) => this.#targetButton(host, isStopped))}
            </ul>
          </section>
          <section class="scroll" aria-label="Echoes">${this.#echoes()}</section>
        </div>`,
      this.dom,
    );
  }

  #sender(): Host | undefined {
    const { hosts } = this.session;
    return hosts.byName(this.#from) ?? hosts.all.find((host) => host.kind === "board");
  }

  #targetButton(host: Host, isStopped: boolean): TemplateResult {
    const target = host.kind === "server" ? host.name : host.ip;
    return html`<li data-hue=${host.hue}>
      <button class="button ping-target" ?disabled=${isStopped || target === null} title=${`Ping ${host.name} from ${this.#sender()?.name ?? "the board"}`} @click=${() => target !== null && this.#ping(target)}>
        <span class="shape" aria-hidden="true">${host.shape}</span><span>${host.name}<small class="mono">${host.ip ?? "no address"}</small></span>
      </button>
    </li>`;
  }

  #ping(target: string): void {
    const { session } = this;
    const host = this.#sender();
    if (!/^[\w.-]{1,253}$/.test(target)) return;
    if (host?.kind === "board") {
      const callback = `function(b, ip, seq, ms) print(b > 0 and ("echo %d from %s: %d ms"):format(seq, ip, ms) or "no answer") end`;
      session.input({ type: "console", board: host.name, text: `net.ping("${target}", ${this.#count}, ${callback})\n` });
    } else session.input({ type: "pcCommand", line: `ping -c ${this.#count} ${target}` });
  }

  #list(): readonly Echo[] {
    const { log } = this.session;
    return joinEchoes(log.last("ping_sent", echoesMax), log.last("ping_end", echoesMax * 2));
  }

  #echoes(): TemplateResult {
    const { hosts, selection } = this.session;
    const echoes = this.#list();
    if (echoes.length === 0) {
      const call = hosts.all.length === 0 ? "Press Run: then any host can be pinged from any board or the PC." : "Nobody has pinged yet. Choose a host: its echoes appear here, each with the way it took.";
      return html`<p class="empty-note">${call}</p>`;
    }
    return html`${this.#chart(echoes)}
      <table class="table">
        <thead><tr><th>Time</th><th>From</th><th>To</th><th>Echo</th><th>Round trip</th><th>Way</th></tr></thead>
        <tbody>
          ${echoes.toReversed().map(({ sent, end }) => {
            const host = hosts.get(sent.host);
            return html`<tr class=${sent.id === selection || end?.id === selection ? "chosen" : ""} @click=${() => this.session.select((end ?? sent).id)}>
              <td class="mono"><button class="place" @click=${() => this.session.select((end ?? sent).id)}>${seconds(sent.at, 3)}</button></td>
              <td data-hue=${host?.hue ?? 8}><span class="shape" aria-hidden="true">${host?.shape ?? "●"}</span> ${hosts.nameOf(sent.host)}</td>
              <td class="mono">${sent.target}</td>
              <td class="mono">${sent.seq}</td>
              <td>${end === null ? html`<span class="muted">on its way…</span>` : end.rtt === null ? html`<b class="bad-text">✕ lost</b>` : html`<b>${span(end.rtt)}</b>`}</td>
              <td class="way">${this.#way(sent).map((hop) => html`<span class=${hop.lost === null ? "" : "bad-text"}>→ ${hosts.nameOf(hop.host)} <small class="muted">${span(hop.at - sent.at)}</small>${hop.lost === null ? nothing : html` ✕ ${dropText(hop.lost)}`}</span> `)}</td>
            </tr>`;
          })}
        </tbody>
      </table>`;
  }

  /** The hosts that an echo and its answer came through. */
  #way(sent: RecordOf<"ping_sent">): readonly Hop[] {
    const { log } = this.session;
    const hops: Hop[] = [];
    // The frame has the echo for its cause, or the call that also caused the echo.
    const siblings = sent.cause === null ? [] : log.effects(sent.cause).filter((effect) => effect.host === sent.host && effect.at >= sent.at && log.frame(effect.id)?.summary.protocol === "ICMP").slice(0, 1);
    const queue: TraceRecord[] = [...log.effects(sent.id), ...siblings];
    while (queue.length > 0 && hops.length < hopsMax) {
      const effect = queue.shift();
      const frame = effect && log.frame(effect.id);
      if (!frame || frame.summary.protocol !== "ICMP") continue;
      for (const arrival of frame.arrivals) {
        hops.push({ host: arrival.host, at: arrival.at, lost: null });
        // Home again: what happens then is the next echo's business.
        if (arrival.host !== sent.host) queue.push(...log.effects(arrival.record));
      }
      for (const drop of frame.drops) hops.push({ host: drop.host, at: drop.at, lost: drop.reason });
    }
    return hops.sort((a, b) => a.at - b.at);
  }

  #chart(echoes: readonly Echo[]): TemplateResult {
    const times = echoes.map(({ end }) => end?.rtt ?? null);
    const known = times.filter((time): time is number => time !== null);
    const most = Math.max(1000, ...known);
    const lost = echoes.filter(({ end }) => end !== null && end.rtt === null).length;
    const mean = known.length === 0 ? null : known.reduce((sum, time) => sum + time, 0) / known.length;
    const text = `${echoes.length} echoes, ${lost} lost${mean === null ? "" : `, ${span(mean)} on average, ${span(Math.min(...known))} to ${span(Math.max(...known))}`}`;
    return html`<figure class="ping-chart">
      <svg viewBox=${`0 0 ${Math.max(20, echoes.length) * 12} 60`} role="img" aria-label=${text} preserveAspectRatio="xMinYMax meet">
        ${echoes.map(({ sent, end }, index) => {
          const hue = this.session.hosts.get(sent.host)?.hue ?? 8;
          const x = index * 12 + 2;
          if (end === null) return svg`<circle cx=${x + 4} cy="54" r="2.5" class="pending" />`;
          if (end.rtt === null) return svg`<path d=${`M${x} 46l8 8m0-8-8 8`} class="cross" />`;
          const height = Math.max(3, (end.rtt / most) * 52);
          return svg`<rect data-hue=${hue} class="bar" x=${x} y=${58 - height} width="8" height=${height} rx="1.5"><title>${`echo ${sent.seq}: ${span(end.rtt)}`}</title></rect>`;
        })}
      </svg>
      <figcaption>${text}</figcaption>
    </figure>`;
  }
}
