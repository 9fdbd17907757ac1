/** Switches and words above a view of the log. */

import { html, type TemplateResult } from "lit";

import { categories, type Category, type Filter } from "../trace/filter.ts";
import { icon } from "../ui/icons.ts";
import { openBeside } from "../ui/popover.ts";
import { render } from "lit";

/** A filter box and a button that opens the switches. */
export function filterBar(filter: Filter, placeholder: string, change: (filter: Filter) => void): TemplateResult {
  const on = categories.filter(({ id }) => filter.categories.has(id)).length;
  return html`<label class="search">${icon("search")}<span class="visually-hidden">Filter</span>
      <input class="small" type="search" .value=${filter.text} placeholder=${placeholder} @input=${(event: Event) => change({ ...filter, text: (event.target as HTMLInputElement).value })} />
    </label>
    <button class="button small" aria-haspopup="dialog" @click=${(event: Event) => openSwitches(event, filter, change)}>Show ${on} of ${categories.length}${icon("chevron")}</button>
    <div popover class="popover switches" role="dialog" aria-label="What is shown"></div>`;
}

function openSwitches(event: Event, filter: Filter, change: (filter: Filter) => void): void {
  const button = event.currentTarget as HTMLElement;
  const popover = button.nextElementSibling as HTMLElement;
  let current = filter;
  const toggle = (id: Category): void => {
    const next = new Set(current.categories);
    if (!next.delete(id)) next.add(id);
    current = { ...current, categories: next };
    change(current);
    draw();
  };
  const draw = (): void => {
    render(
      html`<fieldset class="choices"><legend>Show</legend>
        ${categories.map(
          ({ id, title, help }) => html`<label class="choice"><input type="checkbox" .checked=${current.categories.has(id)} @change=${() => toggle(id)} /><span><b>${title}</b><small>${help}</small></span></label>`,
        )}</fieldset>`,
      popover,
    );
  };
  draw();
  openBeside(button, popover);
}
