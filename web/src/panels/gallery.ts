/** The gallery of examples: groups, one sentence each, and a search. */

import { html, nothing, render } from "lit";

import { examples } from "../examples/all.ts";
import type { Example } from "../examples/example.ts";
import { showDialog } from "../ui/dialog.ts";

/** Lets the person choose an example; `null` when none is chosen. */
export async function showGallery(): Promise<Example | null> {
  const id = await showDialog(
    "Examples",
    (close) => {
      const list = document.createElement("div");
      list.className = "gallery";
      const draw = (wanted: string): void => void render(gallery(matching(wanted), close), list);
      draw("");
      return html`<div class="gallery-search">
          <input type="search" autofocus placeholder="Search: udp, server, ping…" aria-label="Search the examples" @input=${(event: Event) => draw((event.target as HTMLInputElement).value)} />
        </div>
        ${list}`;
    },
    "wide",
  );
  return examples.find((example) => example.id === id) ?? null;
}

function matching(wanted: string): readonly Example[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return examples.filter((example) => {
    const text = `${example.lab.title} ${example.lab.description} ${example.section ?? ""} ${example.group}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function gallery(found: readonly Example[], close: (id: string) => void): unknown {
  if (found.length === 0) return html`<p class="empty-note">No example has these words.</p>`;
  const groups = [...new Set(found.map((example) => example.group))];
  return groups.map(
    (group) => html`<section>
      <h3>${group}</h3>
      <ul>
        ${found
          .filter((example) => example.group === group)
          .map(
            (example) => html`<li>
              <button type="button" class="example" @click=${() => close(example.id)}>
                <b>${example.lab.title}</b>
                ${example.section ? html`<code>${example.section}</code>` : nothing}
                <span>${example.lab.description}</span>
                <small>${boardCount(example)}</small>
              </button>
            </li>`,
          )}
      </ul>
    </section>`,
  );
}

function boardCount(example: Example): string {
  const count = example.lab.boards?.length ?? 0;
  return count === 1 ? "1 board" : `${count} boards`;
}
