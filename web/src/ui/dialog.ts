/** Questions to the person, as native modal dialogs: focus is kept inside and comes back, Escape closes. */

import { html, render, type TemplateResult } from "lit";

/** Shows `content`; resolves with the value the dialog was closed with (`""` for dismissal). */
export function showDialog(title: string, content: (close: (value: string) => void) => TemplateResult, className = ""): Promise<string> {
  const dialog = document.createElement("dialog");
  dialog.className = `dialog ${className}`;
  const close = (value: string): void => dialog.close(value);
  render(
    html`<form method="dialog" @submit=${(event: Event) => event.preventDefault()}>
      <div class="dialog-head">
        <h2 id="dialog-title">${title}</h2>
        <button type="button" class="button quiet icon-only" aria-label="Close" @click=${() => close("")}>✕</button>
      </div>
      ${content(close)}
    </form>`,
    dialog,
  );
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close("");
  });
  (document.querySelector(".app") ?? document.body).append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/** Asks for a name; `null` when dismissed. `problem` says why a name will not do. */
export async function askName(title: string, label: string, value: string, problem: (name: string) => string | null): Promise<string | null> {
  const answer = await showDialog(title, (close) => {
    const submit = (event: Event): void => {
      const form = (event.currentTarget as HTMLElement).closest("form");
      const input = form?.querySelector("input");
      const hint = form?.querySelector<HTMLElement>(".field-problem");
      if (!input || !hint) return;
      const name = input.value.trim();
      const trouble = problem(name);
      hint.textContent = trouble ?? "";
      input.setAttribute("aria-invalid", String(trouble !== null));
      if (trouble === null) close(`=${name}`);
      else input.focus();
    };
    return html`<div class="dialog-body">
        <label class="field"
          ><span>${label}</span>
          <input
            .value=${value}
            autofocus
            autocomplete="off"
            spellcheck="false"
            aria-describedby="field-problem"
            @keydown=${(event: KeyboardEvent) => {
              // Else the same key press would also press the button that gets the focus back.
              if (event.key !== "Enter") return;
              event.preventDefault();
              submit(event);
            }}
          />
        </label>
        <p class="field-problem" id="field-problem" role="alert"></p>
      </div>
      <footer class="dialog-foot">
        <button type="button" class="button" @click=${() => close("")}>Cancel</button>
        <button type="button" class="button primary" @click=${submit}>OK</button>
      </footer>`;
  });
  return answer.startsWith("=") ? answer.slice(1) : null;
}

/** Asks for a decision; `true` for `action`. */
export async function confirm(title: string, text: string, action: string): Promise<boolean> {
  const answer = await showDialog(
    title,
    (close) => html`<div class="dialog-body"><p>${text}</p></div>
      <footer class="dialog-foot">
        <button type="button" class="button" autofocus @click=${() => close("")}>Cancel</button>
        <button type="button" class="button danger" @click=${() => close("yes")}>${action}</button>
      </footer>`,
  );
  return answer === "yes";
}
