/** A pane of tabs whose panels are loaded when first opened; hidden panels get no updates and catch up when they are shown. */

import { html, nothing, render, type TemplateResult } from "lit";

import type { Session, Topic } from "../store/session.ts";
import { moveInTabs } from "../ui/popover.ts";
import type { Panel, PanelReport } from "./panel.ts";

export interface Tab {
  readonly id: string;
  readonly title: string;
  readonly load: (session: Session) => Promise<Panel> | Panel;
  /** What the panel is about, where the same tab may come to be about something else. */
  readonly about?: string;
  /** A mark beside the title: a count, or the shape of a host. */
  readonly mark?: TemplateResult | typeof nothing;
  readonly hue?: number;
}

/** Everything, for a panel that was hidden. */
const allTopics: ReadonlySet<Topic> = new Set<Topic>([
  "boards",
  "checks",
  "clock",
  "consoles",
  "debug",
  "failure",
  "fetches",
  "files",
  "hosts",
  "lab",
  "labs",
  "map",
  "open",
  "records",
  "run",
  "selection",
  "settings",
  "view",
]);

export class TabbedPane {
  readonly dom = document.createElement("section");
  readonly #bar = document.createElement("div");
  readonly #body = document.createElement("div");
  /** Panels that were loaded, by their tab's id, and what they are about. */
  readonly #panels = new Map<string, { readonly panel: Panel; readonly about: string | undefined }>();
  readonly #loading = new Set<string>();
  #tabs: readonly Tab[] = [];
  #open = "";

  constructor(
    readonly session: Session,
    readonly options: { readonly label: string; readonly className: string; readonly onOpen: (id: string) => void; readonly extra?: () => TemplateResult },
  ) {
    this.dom.className = `pane tabbed ${options.className}`;
    this.dom.setAttribute("aria-label", options.label);
    this.#bar.className = "tab-bar";
    this.#body.className = "tab-body";
    this.#body.setAttribute("role", "tabpanel");
    this.#body.id = `${options.className}-body`;
    this.dom.append(this.#bar, this.#body);
  }

  get open(): string {
    return this.#open;
  }

  /** Sets the tabs and the open one; panels of tabs that are gone are destroyed. */
  show(tabs: readonly Tab[], open: string, report: PanelReport): void {
    this.#tabs = tabs;
    for (const [id, { panel, about }] of this.#panels) {
      if (tabs.some((tab) => tab.id === id && tab.about === about)) continue;
      panel.destroy();
      this.#panels.delete(id);
    }
    const wanted = tabs.some((tab) => tab.id === open) ? open : (tabs[0]?.id ?? "");
    const isNew = wanted !== this.#open;
    this.#open = wanted;
    if (isNew || report.topics.has("lab") || report.topics.has("hosts") || report.topics.has("view") || !this.#bar.hasChildNodes()) this.#drawBar();
    const panel = this.#panels.get(wanted)?.panel;
    if (!panel) return this.#load(wanted);
    if (isNew || panel.dom.parentElement !== this.#body) {
      this.#body.replaceChildren(panel.dom);
      panel.update({ session: this.session, topics: allTopics });
    } else panel.update(report);
  }

  destroy(): void {
    for (const { panel } of this.#panels.values()) panel.destroy();
    this.dom.remove();
  }

  #load(id: string): void {
    const tab = this.#tabs.find((other) => other.id === id);
    if (!tab || this.#loading.has(id)) return;
    this.#body.replaceChildren();
    const put = (panel: Panel): void => {
      this.#loading.delete(id);
      this.#panels.set(id, { panel, about: tab.about });
      if (this.#open !== id) return;
      this.#body.replaceChildren(panel.dom);
      panel.update({ session: this.session, topics: allTopics });
    };
    const loaded = tab.load(this.session);
    if (!(loaded instanceof Promise)) return put(loaded);
    this.#loading.add(id);
    loaded.then(put, () => {
      this.#loading.delete(id);
      const note = document.createElement("p");
      note.className = "empty-note";
      note.textContent = "This view could not be loaded. Is the connection down? Choose the tab again to retry.";
      if (this.#open === id) this.#body.replaceChildren(note);
    });
  }

  #drawBar(): void {
    render(
      html`<div role="tablist" class="tabs" aria-label=${this.options.label} @keydown=${moveInTabs}>
          ${this.#tabs.map(
            (tab) => html`<button
              role="tab"
              class="tab"
              id=${`tab-${tab.id}`}
              aria-controls=${this.#body.id}
              aria-selected=${tab.id === this.#open}
              tabindex=${tab.id === this.#open ? 0 : -1}
              data-hue=${tab.hue ?? nothing}
              @click=${() => this.options.onOpen(tab.id)}
            >
              ${tab.mark ?? nothing}${tab.title}
            </button>`,
          )}
        </div>
        ${this.options.extra?.() ?? nothing}`,
      this.#bar,
    );
    this.#body.setAttribute("aria-labelledby", `tab-${this.#open}`);
    this.#showOpenTab();
  }

  /** Moves a bar that is too narrow for its tabs, and nothing around it. */
  #showOpenTab(): void {
    const list = this.#bar.firstElementChild;
    const tab = list?.querySelector('[aria-selected="true"]');
    if (!list || !tab) return;
    const [outer, inner] = [list.getBoundingClientRect(), tab.getBoundingClientRect()];
    if (inner.left < outer.left) list.scrollLeft -= outer.left - inner.left;
    else if (inner.right > outer.right) list.scrollLeft += inner.right - outer.right;
  }
}
