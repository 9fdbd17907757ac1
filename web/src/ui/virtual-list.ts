/**
 * A list of any length of which only the visible rows are in the document. Rows have one height; one row is chosen, and the arrow
 * keys move the choice. Screen readers learn each row's place by `aria-posinset`.
 */

import { html, nothing, render, type TemplateResult } from "lit";

import { firstAboveBy } from "../trace/time-scale.ts";
import { remPixels } from "./rem.ts";

export interface VirtualListOptions<Item> {
  readonly label: string;
  /** Height of a row in rem, so that it grows with the text. */
  readonly rowRem: number;
  readonly row: (item: Item, index: number) => TemplateResult;
  /** What a row says to screen readers beyond what it shows. */
  readonly rowSentence?: (item: Item) => string;
  /** Number of an item; ascending in the list. */
  readonly key: (item: Item) => number;
  readonly onChoose: (item: Item) => void;
  readonly className?: string;
}

/** Rows drawn beyond each edge, so that quick scrolling meets no gaps. */
const overscan = 6;

export class VirtualList<Item> {
  readonly dom: HTMLElement;
  readonly #spacer: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #resize: ResizeObserver;
  #items: readonly Item[] = [];
  #chosen: number | null = null;
  #follows = true;
  #rowHeight = 24;
  #scheduled = 0;
  #scrolledTo = 0;

  constructor(readonly options: VirtualListOptions<Item>) {
    this.dom = document.createElement("div");
    this.dom.className = `virtual-list ${options.className ?? ""}`;
    this.dom.tabIndex = 0;
    this.dom.setAttribute("role", "listbox");
    this.dom.setAttribute("aria-label", options.label);
    this.#spacer = document.createElement("div");
    this.#spacer.className = "virtual-spacer";
    this.#spacer.setAttribute("role", "presentation");
    this.#rows = document.createElement("div");
    this.#rows.className = "virtual-rows";
    this.#rows.setAttribute("role", "presentation");
    this.#spacer.append(this.#rows);
    this.dom.append(this.#spacer);
    this.dom.addEventListener("scroll", () => {
      // Growth moves the end away without anybody scrolling: only going back ends the following.
      const { scrollTop, clientHeight, scrollHeight } = this.dom;
      if (scrollTop + clientHeight >= scrollHeight - this.#rowHeight) this.#follows = true;
      else if (scrollTop < this.#scrolledTo) this.#follows = false;
      this.#scrolledTo = scrollTop;
      this.#schedule();
    });
    this.dom.addEventListener("keydown", (event) => this.#key(event));
    this.#resize = new ResizeObserver(() => {
      this.#measure();
      if (this.#follows) this.#toEnd();
      this.#schedule();
    });
    this.#resize.observe(this.dom);
    this.#measure();
  }

  /** Whether new rows scroll into sight. */
  get follows(): boolean {
    return this.#follows;
  }

  set follows(follows: boolean) {
    this.#follows = follows;
    if (follows) this.#toEnd();
  }

  update(items: readonly Item[], chosen: number | null): void {
    const isNewChoice = chosen !== this.#chosen;
    this.#items = items;
    this.#chosen = chosen;
    this.#spacer.style.height = `${items.length * this.#rowHeight}px`;
    if (isNewChoice && chosen !== null) this.#reveal(this.#indexOf(chosen));
    else if (this.#follows) this.#toEnd();
    this.#schedule();
  }

  destroy(): void {
    cancelAnimationFrame(this.#scheduled);
    this.#resize.disconnect();
    this.dom.remove();
  }

  #measure(): void {
    this.#rowHeight = Math.round(this.options.rowRem * remPixels(this.dom));
    this.dom.style.setProperty("--row-height", `${this.#rowHeight}px`);
    this.#spacer.style.height = `${this.#items.length * this.#rowHeight}px`;
  }

  #toEnd(): void {
    this.dom.scrollTop = this.dom.scrollHeight;
  }

  #reveal(index: number): void {
    if (index < 0) return;
    const top = index * this.#rowHeight;
    const { scrollTop, clientHeight } = this.dom;
    if (top < scrollTop) this.dom.scrollTop = top;
    else if (top + this.#rowHeight > scrollTop + clientHeight) this.dom.scrollTop = top + this.#rowHeight - clientHeight;
    this.#follows = false;
  }

  #indexOf(key: number): number {
    const index = firstAboveBy(this.#items, key - 1, this.options.key);
    const item = this.#items[index];
    return item !== undefined && this.options.key(item) === key ? index : -1;
  }

  #schedule(): void {
    if (this.#scheduled !== 0) return;
    this.#scheduled = requestAnimationFrame(() => {
      this.#scheduled = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const first = Math.max(0, Math.floor(this.dom.scrollTop / this.#rowHeight) - overscan);
    const last = Math.min(this.#items.length, Math.ceil((this.dom.scrollTop + this.dom.clientHeight) / this.#rowHeight) + overscan);
    this.#rows.style.transform = `translateY(${first * this.#rowHeight}px)`;
    const { key, row, rowSentence, onChoose } = this.options;
    const rows = this.#items.slice(first, last).map((item, offset) => {
      const isChosen = key(item) === this.#chosen;
      return html`<div
        class=${isChosen ? "row chosen" : "row"}
        role="option"
        id=${`${this.#prefix}${key(item)}`}
        aria-selected=${isChosen}
        aria-setsize=${this.#items.length}
        aria-posinset=${first + offset + 1}
        @click=${() => onChoose(item)}
      >
        ${row(item, first + offset)}${rowSentence ? html`<span class="visually-hidden">${rowSentence(item)}</span>` : nothing}
      </div>`;
    });
    render(rows, this.#rows);
    if (this.#chosen !== null && this.#indexOf(this.#chosen) >= first && this.#indexOf(this.#chosen) < last) {
      this.dom.setAttribute("aria-activedescendant", `${this.#prefix}${this.#chosen}`);
    } else this.dom.removeAttribute("aria-activedescendant");
  }

  readonly #prefix = `row-${Math.random().toString(36).slice(2, 8)}-`;

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.dom.clientHeight / this.#rowHeight) - 1);
    const steps: Readonly<{ [key: string]: number }> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.#items.length,
      End: this.#items.length,
    };
    const step = steps[event.key];
    if (step === undefined || this.#items.length === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const at = this.#chosen === null ? -1 : this.#indexOf(this.#chosen);
    const start = at < 0 ? (step > 0 ? -1 : this.#items.length) : at;
    const next = this.#items[Math.max(0, Math.min(this.#items.length - 1, start + step))];
    if (next !== undefined) this.options.onChoose(next);
  }
}
