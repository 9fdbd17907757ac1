/** The dialog that gives a lab away: as a link, and in the forms in which it stands in somebody's page. */

import { html, nothing, render, type TemplateResult } from "lit";

import { type Forms, formsOf } from "../embed/forms.ts";
import { toFragment } from "../store/share.ts";
import type { Session } from "../store/session.ts";
import { showDialog } from "../ui/dialog.ts";
import { copy } from "../ui/files.ts";

interface Shared {
  readonly url: string;
  readonly forms: Forms;
}

/** Names of the forms, and where each belongs. */
const formNames: readonly { readonly form: keyof Forms; readonly name: string; readonly place: string }[] = [
  { form: "element", name: "Element", place: "The script once, an element for each program; it fits in with the page." },
  { form: "frame", name: "Frame", place: "Where scripts of other sites are not allowed." },
  { form: "link", name: "Plain link", place: "Where frames are not allowed either." },
];

/** Shows the dialog; `toast` says something briefly. */
export async function showShare(session: Session, toast: (text: string) => void): Promise<void> {
  const site = new URL("./", location.href).href;
  let withInputs = false;
  let shared: Shared;
  const body = document.createElement("div");
  body.className = "dialog-body share";
  const copyAs = async (text: string, name: string): Promise<void> => toast((await copy(text)) ? `${name} is copied.` : "This browser does not let the page copy; mark the text and copy it.");
  const draw = async (): Promise<void> => {
    const lab = withInputs ? await session.client.query("lab", {}) : session.lab;
    const fragment = await toFragment(lab);
    shared = { url: location.href.replace(/#.*$/, "") + fragment, forms: formsOf(lab, fragment, site) };
    const isCopied = await copy(shared.url);
    render(
      html`<p>The link carries the whole lab after its #, which browsers send to no server.</p>
        ${field(`Link (${shared.url.length.toLocaleString("en")} characters)`, shared.url, 4)}
        ${session.state === "stopped"
          ? nothing
          : html`<label class="choice"
              ><input type="checkbox" .checked=${withInputs} @change=${() => ((withInputs = !withInputs), void draw())} /><span><b>With what I did</b><small>Typing, buttons and commands happen again at the same virtual times.</small></span></label
            >`}
        <p class="muted" role="status">${isCopied ? "It has been copied." : "Copy it from the field."}</p>
        <details class="embed-forms">
          <summary>Put it into a page of yours</summary>
          ${isOnlyHere() ? html`<p class="muted">These addresses lead to this machine. Publish the playground's site, and use its address in their place.</p>` : nothing}
          ${formNames.map(({ form, name, place }) => html`${field(name, shared.forms[form], 3, place)}<button type="button" class="button small" @click=${() => copyAs(shared.forms[form], `The ${name.toLowerCase()}`)}>Copy the ${name.toLowerCase()}</button>`)}
        </details>`,
      body,
    );
  };
  await draw();
  await showDialog(
    "Share this lab",
    (close) => html`${body}
      <footer class="dialog-foot">
        <button type="button" class="button" @click=${() => close("")}>Close</button>
        <button type="button" class="button primary" autofocus @click=${() => copyAs(shared.url, "The link")}>Copy the link</button>
      </footer>`,
  );
}

/** Text to copy, marked as soon as somebody comes to it. */
function field(label: string, text: string, rows: number, about = ""): TemplateResult {
  return html`<label class="field"><span>${label}</span>${about === "" ? nothing : html`<small>${about}</small>`}<textarea readonly rows=${rows} .value=${text} @focus=${(event: Event) => (event.target as HTMLTextAreaElement).select()}></textarea></label>`;
}

/** Whether nobody else can reach this page's address. */
function isOnlyHere(): boolean {
  return location.protocol === "file:" || /^(localhost|127\.|\[::1\])/.test(location.hostname);
}
