/**
 * A list of any length of which only the visible rows are in the document. Rows have one height; one row is chosen, and the arrow
 * keys move the choice. Screen readers learn each row's place by `aria-posinset`.
 *
 * A row keeps its element and its place for as long as it is in sight, and elements that scroll out are used again at the other end:
 * what moves costs no layout and no painting, only what is new does. Sizes are told by an observer and never asked for, since asking
 * lays out everything that the page has changed before.
 */

import { html, nothing, render, type TemplateResult } from "lit";

import { firstAboveBy } from "../trace/time-scale.ts";
import { remPixels } from "./rem.ts";

export interface VirtualListOptions<Item> {
  readonly label: string;
  /** Height of a row in rem, so that it grows with the text. */
  readonly rowRem: number;
  /** The same for a list narrower than `narrowRem`. */
  readonly narrowRowRem?: number;
  readonly row: (item: Item, index: number) => TemplateResult;
  /** What a row says to screen readers beyond what it shows. */
  readonly rowSentence?: (item: Item) => string;
  /** Number of an item; ascending in the list. */
  readonly key: (item: Item) => number;
  readonly onChoose: (item: Item) => void;
  /** What the list says while it has no rows. */
  readonly empty: () => string;
  readonly className?: string;
}

/** Rows drawn beyond each edge, so that quick scrolling meets no gaps. */
const overscan = 6;

/** Below this width in rem a list is narrow; the style sheet's container queries say the same. */
const narrowRem = 34;

/** An element of the list and the place of the item that it shows. */
interface Row {
  readonly dom: HTMLElement;
  index: number;
}

export class VirtualList<Item> {
  readonly dom: HTMLElement;
  readonly #spacer: HTMLElement;
  readonly #empty = document.createElement("p");
  readonly #resize: ResizeObserver;
  readonly #prefix = `row-${Math.random().toString(36).slice(2, 8)}-`;
  #items: readonly Item[] = [];
  #chosen: number | null = null;
  #follows = true;
  #rowHeight = 24;
  #height = 0;
  #top = 0;
  /** The rows in the document, in its order. */
  #rows: Row[] = [];

  constructor(readonly options: VirtualListOptions<Item>) {
    this.dom = document.createElement("div");
    this.dom.className = `virtual-list ${options.className ?? ""}`;
    this.dom.tabIndex = 0;
    this.dom.setAttribute("aria-label", options.label);
    this.#spacer = document.createElement("div");
    this.#spacer.className = "virtual-spacer";
    this.#spacer.setAttribute("role", "presentation");
    this.#empty.className = "empty-note";
    this.dom.append(this.#spacer);
    this.#sayEmpty();
    this.dom.addEventListener("scroll", () => this.#scrolled());
    this.dom.addEventListener("keydown", (event) => this.#key(event));
    this.#spacer.addEventListener("click", (event) => this.#click(event));
    this.#resize = new ResizeObserver(([entry]) => {
      this.#height = entry?.contentRect.height ?? 0;
      this.#measure(entry?.contentRect.width);
      this.#place(this.#follows ? this.#end : this.#top);
      // An element that was out of the document comes back scrolled to its beginning.
      this.dom.scrollTop = this.#top;
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
    if (follows) this.#place(this.#end);
  }

  update(items: readonly Item[], chosen: number | null): void {
    const isNewChoice = chosen !== this.#chosen;
    if (items.length !== this.#items.length) this.#spacer.style.height = `${items.length * this.#rowHeight}px`;
    this.#items = items;
    this.#chosen = chosen;
    this.#sayEmpty();
    const index = isNewChoice && chosen !== null ? this.#indexOf(chosen) : -1;
    if (index >= 0) this.#follows = false;
    this.#place(index >= 0 ? this.#topFor(index) : this.#follows ? this.#end : this.#top);
  }

  destroy(): void {
    this.#resize.disconnect();
    this.dom.remove();
  }

  #sayEmpty(): void {
    // A list box without options is none.
    this.dom.setAttribute("role", this.#items.length > 0 ? "listbox" : "group");
    if (this.#items.length > 0) return this.#empty.remove();
    this.#empty.textContent = this.options.empty();
    if (this.#empty.parentElement === null) this.dom.append(this.#empty);
  }

  /** Where the list is scrolled to when its last row is in sight. */
  get #end(): number {
    return Math.max(0, this.#items.length * this.#rowHeight - this.#height);
  }

  #measure(width = Infinity): void {
    const { rowRem, narrowRowRem = rowRem } = this.options;
    const rem = remPixels(this.dom);
    this.#rowHeight = Math.round((width <= narrowRem * rem ? narrowRowRem : rowRem) * rem);
    this.dom.style.setProperty("--row-height", `${this.#rowHeight}px`);
    this.#spacer.style.height = `${this.#items.length * this.#rowHeight}px`;
    for (const row of this.#rows) row.dom.style.top = `${row.index * this.#rowHeight}px`;
  }

  /** Draws the rows in sight at `top` and scrolls there, in this order: the browser then lays out once. */
  #place(top: number): void {
    const isElsewhere = top !== this.#top;
    this.#top = top;
    this.#draw(true);
    if (isElsewhere) this.dom.scrollTop = top;
  }

  #scrolled(): void {
    const { scrollTop } = this.dom;
    // Growth moves the end away without anybody scrolling: only going back ends the following.
    if (scrollTop >= this.#end - this.#rowHeight) this.#follows = true;
    else if (scrollTop < this.#top - 1) this.#follows = false;
    this.#top = scrollTop;
    this.#draw(false);
  }

  /** The place nearest to the present one at which a row is in sight. */
  #topFor(index: number): number {
    const top = index * this.#rowHeight;
    return Math.max(0, Math.min(top, Math.max(this.#top, top + this.#rowHeight - this.#height)));
  }

  #indexOf(key: number): number {
    const index = firstAboveBy(this.#items, key - 1, this.options.key);
    const item = this.#items[index];
    return item !== undefined && this.options.key(item) === key ? index : -1;
  }

  /** Brings the rows in sight into the document; those that are there already are drawn again when `isChanged`. */
  #draw(isChanged: boolean): void {
    const first = Math.max(0, Math.floor(this.#top / this.#rowHeight) - overscan);
    const last = this.#height === 0 ? first : Math.min(this.#items.length, Math.ceil((this.#top + this.#height) / this.#rowHeight) + overscan);
    const kept = new Map<number, Row>();
    const spare: Row[] = [];
    for (const row of this.#rows) {
      if (row.index >= first && row.index < last) kept.set(row.index, row);
      else spare.push(row);
    }
    const rows: Row[] = [];
    let next: HTMLElement | null = null;
    for (let index = last - 1; index >= first; index--) {
      const known = kept.get(index);
      const row = known ?? this.#put(spare.pop(), index);
      if (!known || isChanged) this.#fill(row);
      if (row.dom.nextElementSibling !== next || row.dom.parentElement === null) this.#spacer.insertBefore(row.dom, next);
      next = row.dom;
      rows.push(row);
    }
    for (const row of spare) row.dom.remove();
    this.#rows = rows.reverse();
    const chosen = this.#chosen === null ? -1 : this.#indexOf(this.#chosen);
    if (chosen >= first && chosen < last) this.dom.setAttribute("aria-activedescendant", `${this.#prefix}${this.#chosen}`);
    else this.dom.removeAttribute("aria-activedescendant");
  }

  /** Gives a row that is free, or a new one, its place. */
  #put(free: Row | undefined, index: number): Row {
    const row = free ?? { dom: document.createElement("div"), index };
    row.index = index;
    row.dom.setAttribute("role", "option");
    row.dom.style.top = `${index * this.#rowHeight}px`;
    return row;
  }

  #fill({ dom, index }: Row): void {
    const item = this.#items[index];
    if (item === undefined) return;
    const { key, row, rowSentence } = this.options;
    const isChosen = key(item) === this.#chosen;
    dom.id = `${this.#prefix}${key(item)}`;
    dom.className = isChosen ? "row chosen" : "row";
    dom.ariaSelected = String(isChosen);
    dom.ariaSetSize = String(this.#items.length);
    dom.ariaPosInSet = String(index + 1);
    render(html`${row(item, index)}${rowSentence ? html`<span class="visually-hidden">${rowSentence(item)}</span>` : nothing}`, dom);
  }

  #click(event: MouseEvent): void {
    const dom = (event.target as Element).closest(".row");
    const row = this.#rows.find((other) => other.dom === dom);
    const item = row && this.#items[row.index];
    if (item !== undefined) this.options.onChoose(item);
  }

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
