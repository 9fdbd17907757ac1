/**
 * The iframe form: one playground that fills its frame. What it shows stands in the address, so a page without scripts can write it:
 * the fragment is that of the playground's page (`#lab=…`, `#lua=…`, `#example=…`), the query holds the element's settings
 * (`?view=sequence&autorun&theme=dark`). The page around drives it with messages; see `interface.ts`.
 */

import { startPageWorker } from "../engine/start-worker.ts";
import { findExample } from "../examples/first.ts";
import { fromFragment } from "../store/share.ts";
import { defineElement, deliverBy, elementName, type PlaygroundElement } from "./element.ts";
import type { CommandMessage, Notice, NoticeMessage, NoticeName } from "./interface.ts";
import { settingNames } from "./markup.ts";
import { labOf } from "./snippet.ts";

deliverBy({
  site: new URL("./", document.baseURI).href,
  load: async () => {
    const { mountPlayer } = await import("./player.ts");
    return { mount: (place) => mountPlayer(place, startPageWorker) };
  },
});
defineElement();

const query = new URLSearchParams(location.search);
const noticeNames: readonly NoticeName[] = ["ready", "state", "console", "trace", "checks", "files", "failure"];
let watchesTrace = query.has("trace");

/** The lab that the address names; an empty program when it names none. */
async function labOfAddress(): Promise<object> {
  const example = /^#example=([\w-]+)$/.exec(location.hash)?.[1];
  const found = example === undefined ? await fromFragment(location.hash) : (await findExample(example))?.lab;
  return found ?? labOf({ title: "", code: "", setup: "", files: [], profile: "", start: "boot", pc: "" }).lab;
}

/** Tells the page around. It wrote the address or sends the commands, so nothing told is a secret to it. */
function tell(notice: Notice): void {
  if (parent !== window) parent.postMessage({ playground: 1, notice } satisfies NoticeMessage, "*");
}

function isCommand(value: unknown): value is CommandMessage {
  const { playground, command } = (value ?? {}) as Partial<CommandMessage>;
  return playground === 1 && typeof command?.type === "string";
}

const element = document.createElement(elementName) as PlaygroundElement;
for (const name of settingNames) {
  const value = query.get(name);
  if (value !== null) element.setAttribute(name, value);
}
element.setAttribute("height", "100%");
for (const name of noticeNames) {
  element.addEventListener(`playground-${name}`, (event) => {
    if (name === "trace" && !watchesTrace) return;
    tell({ type: name, ...(event as CustomEvent<object>).detail } as Notice);
  });
}
addEventListener("message", (event: MessageEvent<unknown>) => {
  if (event.source !== parent || !isCommand(event.data)) return;
  const { command } = event.data;
  if (command.type === "watch") watchesTrace = command.trace;
  else element.send(command);
});

labOfAddress().then(
  (lab) => {
    const json = document.createElement("script");
    json.type = "application/json";
    json.textContent = JSON.stringify(lab);
    element.append(json);
    document.body.append(element);
  },
  (error: unknown) => {
    document.body.textContent = error instanceof Error ? error.message : String(error);
    tell({ type: "failure", title: "There is nothing to show", text: document.body.textContent });
  },
);
