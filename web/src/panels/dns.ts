/** Names: the zone and what the servers do with it, and every question with its answer. */

import { html, nothing, render, type TemplateResult } from "lit";

import type { ZoneAnswer } from "../generated/ZoneAnswer.ts";
import type { ZoneView } from "../generated/ZoneView.ts";
import type { Session } from "../store/session.ts";
import { seconds, span } from "../trace/format.ts";
import type { RecordOf, TraceRecord } from "../trace/record.ts";
import { icon } from "../ui/icons.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

/** Questions listed, the newest first. */
const questionsMax = 200;

type Question = RecordOf<"dns_question">;
type Answer = RecordOf<"dns_answer">;

const namePattern = /^[\w.-]{1,253}$/;

const answers: readonly { readonly value: string; readonly text: string; readonly help: string }[] = [
  { value: "addresses", text: "address", help: "answers with these addresses" },
  { value: "alias", text: "alias", help: "stands for another name (CNAME)" },
  { value: "unknown", text: "unknown", help: "answers that there is no such name (NXDOMAIN)" },
  { value: "failure", text: "failure", help: "answers that it failed (SERVFAIL)" },
  { value: "silent", text: "silent", help: "does not answer at all" },
];

export class DnsPanel implements Panel {
  readonly dom = document.createElement("div");
  #name = "www.nodemcu.com";
  #from = "";
  #problem = "";

  constructor(readonly session: Session) {
    this.dom.className = "view dns";
  }

  update(report: PanelReport): void {
    if (concerns(report, "records", "map", "hosts", "run", "lab", "selection")) this.#draw();
  }

  destroy(): void {
    this.dom.remove();
  }

  #draw(): void {
    const { session } = this;
    const askers = session.hosts.all.filter((host) => host.kind === "board" || host.kind === "pc");
    const isStopped = session.state === "stopped";
    render(
      html`<form class="view-tools" @submit=${(event: Event) => this.#ask(event)}>
          <label class="inline-field"><span>Ask for</span><input class="small" aria-label="Name to ask for" list="zone-names" .value=${this.#name} @input=${(event: Event) => (this.#name = (event.target as HTMLInputElement).value)} /></label>
          <datalist id="zone-names">${this.#zone().map((entry) => html`<option value=${entry.name}></option>`)}</datalist>
          <label class="inline-field"
            ><span>from</span
            ><select class="small" @change=${(event: Event) => (this.#from = (event.target as HTMLSelectElement).value)}>
              ${askers.map((host) => html`<option value=${host.name} ?selected=${host.name === this.#from}>${host.name}</option>`)}
            </select></label
          >
          <button class="button small primary" ?disabled=${isStopped}>Ask</button>
          <button type="button" class="button small" ?disabled=${isStopped} title="Shows how long it takes to learn that there is no such name" @click=${() => this.#askFor("nobody.invalid")}>Try an unknown name</button>
          <span class="field-problem" role="alert">${this.#problem}</span>
        </form>
        <div class="view-body dns-body">
          <section aria-label="Questions and answers" class="scroll">${this.#questions()}</section>
          <section aria-label="Zone" class="scroll zone">${this.#zoneTable()}</section>
        </div>`,
      this.dom,
    );
  }

  #zone(): readonly ZoneView[] {
    return this.session.map?.zone ?? Object.entries(this.session.lab.world?.zone ?? {}).flatMap(([name, answer]) => (answer ? [{ name, answer, edited: true }] : []));
  }

  #ask(event: Event): void {
    event.preventDefault();
    this.#askFor(this.#name.trim());
  }

  #askFor(name: string): void {
    const { session } = this;
    this.#problem = namePattern.test(name) ? "" : "A name has letters, digits, dots and hyphens.";
    if (this.#problem !== "") return this.#draw();
    const host = session.hosts.byName(this.#from) ?? session.hosts.all.find((other) => other.kind === "board");
    if (host?.kind === "board") session.input({ type: "console", board: host.name, text: `net.dns.resolve("${name}", function(_, ip) print("${name} is " .. tostring(ip)) end)\n` });
    else session.input({ type: "pcCommand", line: `nslookup ${name}` });
    this.#draw();
  }

  #questions(): TemplateResult {
    const { log, hosts, selection } = this.session;
    const questions = log.last("dns_question", questionsMax);
    const answered = new Map<string, Answer>();
    const all = log.last("dns_answer", questionsMax);
    for (const answer of all.toReversed()) {
      const question = questions.findLast((other) => other.host === answer.host && other.name === answer.name && other.at <= answer.at && !answered.has(String(other.id)));
      if (question) answered.set(String(question.id), answer);
    }
    if (questions.length === 0) return html`<p class="empty-note">No host has asked for a name yet. “Ask” lets one do so; what a program asks appears here too.</p>`;
    return html`<table class="table">
      <thead><tr><th>Time</th><th>Who</th><th>Name</th><th>Asked</th><th>Answer</th></tr></thead>
      <tbody>
        ${questions.toReversed().map((question) => {
          const answer = answered.get(String(question.id));
          const host = hosts.get(question.host);
          return html`<tr class=${question.id === selection || answer?.id === selection ? "chosen" : ""} @click=${() => this.#select(answer ?? question)}>
            <td class="mono"><button class="place" @click=${() => this.#select(answer ?? question)}>${seconds(question.at, 3)}</button></td>
            <td data-hue=${host?.hue ?? 8}><span class="shape" aria-hidden="true">${host?.shape ?? "●"}</span> ${hosts.nameOf(question.host)}</td>
            <td class="mono">${question.name}</td>
            <td class="mono">${question.server}</td>
            <td>${this.#answer(question, answer)}</td>
          </tr>`;
        })}
      </tbody>
    </table>`;
  }

  #answer(question: Question, answer: Answer | undefined): TemplateResult {
    if (!answer) return html`<span class="muted">waiting…</span>`;
    const after = html`<span class="muted small-text">after ${span(answer.at - question.at)}</span>`;
    return answer.addresses.length > 0 ? html`<b class="good-text">✓</b> <span class="mono">${answer.addresses.join(", ")}</span> ${after}` : html`<b class="bad-text">✕ ${answer.error ?? "no address"}</b> ${after}`;
  }

  #select(record: TraceRecord): void {
    this.session.select(record.id);
  }

  #zoneTable(): TemplateResult {
    const zone = this.#zone();
    return html`<table class="table">
      <caption>What the name servers answer</caption>
      <thead><tr><th>Name</th><th>Answer</th><th>Addresses</th><th><span class="visually-hidden">Undo</span></th></tr></thead>
      <tbody>
        ${zone.map((entry) => this.#zoneRow(entry))}
        <tr>
          <td><input class="small" placeholder="a new name" aria-label="New name" @change=${(event: Event) => this.#add(event)} /></td>
          <td colspan="3" class="muted small-text">Enter adds it</td>
        </tr>
      </tbody>
    </table>`;
  }

  #zoneRow(entry: ZoneView): TemplateResult {
    const { answer } = entry;
    const kind = typeof answer === "string" ? answer : "alias" in answer ? "alias" : "addresses";
    const addresses = typeof answer !== "string" && "addresses" in answer ? answer.addresses.join(", ") : "";
    const alias = typeof answer !== "string" && "alias" in answer ? answer.alias : "";
    return html`<tr>
      <td class="mono">${entry.name}${entry.edited ? html` <span class="tag">edited</span>` : nothing}</td>
      <td>
        <select
          class="small"
          aria-label=${`What is answered for ${entry.name}`}
          @change=${(event: Event) => {
            const value = (event.target as HTMLSelectElement).value;
            if (value === "addresses") this.#set(entry.name, { addresses: addresses === "" ? ["192.168.1.100"] : addresses.split(", ") });
            else if (value === "alias") this.#set(entry.name, { alias: alias || "example.com" });
            else this.#set(entry.name, value as ZoneAnswer);
          }}
        >
          ${answers.map((choice) => html`<option value=${choice.value} title=${choice.help} ?selected=${choice.value === kind}>${choice.text}</option>`)}
        </select>
      </td>
      <td>${kind === "addresses" ? html`<input class="small mono" aria-label=${`Addresses of ${entry.name}`} .value=${addresses} @change=${(event: Event) => this.#setAddresses(entry.name, event)} />` : nothing}${kind === "alias" ? html`<input class="small mono" aria-label=${`Name that ${entry.name} stands for`} .value=${alias} @change=${(event: Event) => this.#setAlias(entry.name, event)} />` : nothing}</td>
      <td>${entry.edited ? html`<button class="button quiet icon-only small" aria-label=${`Give ${entry.name} its built-in answer back`} title="As built in" @click=${() => this.#set(entry.name, null)}>${icon("restart")}</button>` : nothing}</td>
    </tr>`;
  }

  #setAddresses(name: string, event: Event): void {
    const input = event.target as HTMLInputElement;
    const addresses = input.value.split(/[\s,]+/).filter(Boolean);
    const isValid = addresses.every((address) => /^(\d{1,3}\.){3}\d{1,3}$/.test(address) && address.split(".").every((part) => Number(part) < 256));
    input.setAttribute("aria-invalid", String(!isValid));
    if (isValid) this.#set(name, addresses.length === 0 ? "unknown" : { addresses });
  }

  #setAlias(name: string, event: Event): void {
    const alias = (event.target as HTMLInputElement).value.trim().toLowerCase();
    if (namePattern.test(alias)) this.#set(name, { alias });
  }

  #add(event: Event): void {
    const input = event.target as HTMLInputElement;
    const name = input.value.trim().toLowerCase();
    if (!namePattern.test(name)) return;
    input.value = "";
    this.#set(name, { addresses: ["192.168.1.100"] });
  }

  /** Changes the answer for `name`, at once and for later runs; `null` gives the built-in one back. */
  #set(name: string, answer: ZoneAnswer | null): void {
    const { session } = this;
    session.input(answer === null ? { type: "zone", name } : { type: "zone", name, answer });
    const others = Object.entries(session.lab.world?.zone ?? {}).filter(([other]) => other !== name);
    const zone = Object.fromEntries(answer === null ? others : [...others, [name, answer] as const]);
    const wasStale = session.isStale;
    session.edit({ ...session.lab, world: { ...session.lab.world, zone } });
    session.isStale = wasStale;
  }
}
