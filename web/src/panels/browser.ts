/** The PC's browser: opens pages from inside the LAN in a sandboxed frame. */

import { html, render } from "lit";

import { addressFrom, dataUrl, header, loadPage } from "../browser/page.ts";
import type { FetchRequest } from "../engine/lab.ts";
import type { Session } from "../store/session.ts";
import { icon } from "../ui/icons.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";

interface Visit {
  readonly request: FetchRequest;
}

export class BrowserPanel implements Panel {
  readonly dom = document.createElement("div");
  readonly #bar = document.createElement("form");
  readonly #body = document.createElement("div");
  readonly #frame = document.createElement("iframe");
  readonly #visits: Visit[] = [];
  readonly #icons = new Map<string, string | null>();
  #at = -1;
  #typed: string | null = null;
  #isLoading = false;
  #load = 0;
  #title = "";
  #status = "";
  #icon: string | null = null;
  #isOurs = false;

  constructor(readonly session: Session) {
    this.dom.className = "browser";
    this.#bar.className = "browser-bar";
    this.#body.className = "browser-body";
    this.#frame.title = "Page from the LAN";
    this.#frame.setAttribute("sandbox", "allow-scripts allow-forms");
    this.#frame.setAttribute("referrerpolicy", "no-referrer");
    this.#frame.hidden = true;
    this.#frame.addEventListener("load", () => {
      // A page that leads its own frame elsewhere is not followed: it would leave the LAN.
      if (this.#isOurs) this.#isOurs = false;
      else if (!this.#frame.hidden && this.#at >= 0) this.#blank();
    });
    this.#body.append(this.#frame);
    this.dom.append(this.#bar, this.#body);
    this.#bar.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#open();
    });
    window.addEventListener("message", this.#receive);
  }

  update(report: PanelReport): void {
    if (concerns(report, "run") && this.session.state === "running" && this.session.nowMs === 0) this.#icons.clear();
    if (concerns(report, "hosts", "run", "view")) this.#draw();
  }

  destroy(): void {
    window.removeEventListener("message", this.#receive);
    this.dom.remove();
  }

  #addresses(): readonly { readonly url: string; readonly name: string }[] {
    return this.session.hosts.all
      .filter((host) => host.ip !== null && host.kind !== "pc")
      .map((host) => ({ url: host.kind === "server" ? `http://${host.name}/` : `http://${host.ip}/`, name: host.name }));
  }

  #draw(): void {
    const addresses = this.#addresses();
    const current = this.#visits[this.#at];
    const shown = this.#typed ?? current?.request.url ?? addresses[0]?.url ?? "http://192.168.1.100/";
    render(
      html`<button type="button" class="button quiet icon-only small" aria-label="Back" ?disabled=${this.#at < 1} @click=${() => this.#step(-1)}>${icon("left")}</button>
        <button type="button" class="button quiet icon-only small" aria-label="Forward" ?disabled=${this.#at >= this.#visits.length - 1} @click=${() => this.#step(1)}>${icon("right")}</button>
        <button type="button" class="button quiet icon-only small" aria-label="Load again" ?disabled=${!current} @click=${() => current && this.#go(current.request, false)}>${icon("reload")}</button>
        <span class="browser-icon">${this.#icon ? html`<img src=${this.#icon} alt="" width="16" height="16" />` : icon("globe")}</span>
        <input
          class="browser-address"
          aria-label="Address"
          list="lan-addresses"
          .value=${shown}
          autocomplete="off"
          spellcheck="false"
          @input=${(event: Event) => {
            this.#typed = (event.target as HTMLInputElement).value;
          }}
        />
        <datalist id="lan-addresses">${addresses.map((address) => html`<option value=${address.url}>${address.name}</option>`)}</datalist>
        <button class="button small primary" ?disabled=${this.session.state === "stopped"}>Open</button>
        <span class="browser-status muted small-text" role="status">${this.#isLoading ? "loading…" : this.#status}</span>`,
      this.#bar,
    );
    this.#drawEmpty();
  }

  #drawEmpty(): void {
    let empty = this.#body.querySelector<HTMLElement>(".empty-note");
    if (!this.#frame.hidden) {
      empty?.remove();
      return;
    }
    if (!empty) {
      empty = document.createElement("div");
      empty.className = "empty-note";
      this.#body.append(empty);
    }
    const boards = this.session.hosts.all.filter((host) => host.kind === "board" && host.ip !== null);
    render(
      html`<p>This browser runs on the PC in the simulated network.</p>
        ${boards.length === 0
          ? html`<p>${this.session.state === "stopped" ? "Press Run first." : "No board has an address yet."}</p>`
          : boards.map((host) => html`<button class="button" @click=${() => this.#go({ url: `http://${host.ip}/` }, true)}>${icon("globe")}Open ${host.name} at http://${host.ip}/</button>`)}`,
      empty,
    );
  }

  #open(): void {
    const input = this.#bar.querySelector("input");
    const url = addressFrom(input?.value ?? "");
    if (url === null) {
      this.#status = "Only http:// addresses can be opened.";
      return this.#draw();
    }
    this.#go({ url }, true);
  }

  #step(step: number): void {
    const visit = this.#visits[this.#at + step];
    if (!visit) return;
    this.#at += step;
    void this.#show(visit.request);
  }

  #go(request: FetchRequest, isNew: boolean): void {
    if (isNew) {
      this.#visits.splice(this.#at + 1);
      this.#visits.push({ request });
      this.#at = this.#visits.length - 1;
    }
    void this.#show(request);
  }

  async #show(request: FetchRequest): Promise<void> {
    const load = ++this.#load;
    this.#isLoading = true;
    this.#typed = null;
    this.#draw();
    const began = this.session.nowMs;
    const page = await loadPage(request, (wanted) => this.session.fetch(wanted));
    if (load !== this.#load) return;
    this.#isLoading = false;
    this.#status = page.error !== null ? page.error : `${page.status} after ${Math.round(this.session.nowMs - began)} ms`;
    if (page.source !== null) {
      this.#title = page.title;
      this.#visits[this.#at] = { request: page.url === request.url ? request : { url: page.url } };
      this.#isOurs = true;
      this.#frame.hidden = false;
      this.#frame.title = `Page from the LAN: ${this.#title}`;
      this.#frame.srcdoc = page.source;
    }
    this.#icon = null;
    this.#draw();
    // As a browser does: the icon is asked for after the page, once per host.
    if (page.icon !== null && page.status > 0) await this.#loadIcon(page.icon, load);
  }

  async #loadIcon(url: string, load: number): Promise<void> {
    let found = this.#icons.get(url);
    if (found === undefined) {
      this.#icons.set(url, null);
      const result = await this.session.fetch({ url });
      const type = header(result, "content-type") ?? "image/x-icon";
      found = result.status === 200 && type.startsWith("image/") ? dataUrl(result.body, type.split(";")[0] ?? type) : null;
      this.#icons.set(url, found);
    }
    if (load !== this.#load) return;
    this.#icon = found;
    this.#draw();
  }

  #blank(): void {
    this.#isOurs = true;
    this.#frame.srcdoc = "<p style='font:1rem system-ui;margin:2rem'>The page tried to leave the LAN. Use the address bar.</p>";
  }

  readonly #receive = (event: MessageEvent<unknown>): void => {
    if (event.source !== this.#frame.contentWindow || event.source === null) return;
    const message = event.data;
    if (!isPageMessage(message)) return;
    if (message.type === "go") return this.#go(message.request, true);
    void this.session.fetch(message.request).then((result) => {
      const { status, headers, body, error } = result;
      this.#frame.contentWindow?.postMessage({ id: message.id, status, headers, body, error }, "*");
    });
  };
}

type PageMessage = { readonly type: "go"; readonly request: FetchRequest } | { readonly type: "fetch"; readonly id: number; readonly request: FetchRequest };

/** Whether a message from the page has the form of the bridge's: the page's own scripts can send anything. */
function isPageMessage(message: unknown): message is PageMessage {
  if (typeof message !== "object" || message === null) return false;
  const { playground, type, id, request } = message as { [key: string]: unknown };
  if (playground !== 1 || (type !== "go" && type !== "fetch") || (type === "fetch" && typeof id !== "number")) return false;
  if (typeof request !== "object" || request === null) return false;
  const { url, method, headers, body } = request as { [key: string]: unknown };
  return (
    typeof url === "string" &&
    addressFrom(url) !== null &&
    (method === undefined || (typeof method === "string" && /^[A-Z]{1,16}$/.test(method))) &&
    (body === undefined || typeof body === "string") &&
    (headers === undefined || (Array.isArray(headers) && headers.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string"))))
  );
}

