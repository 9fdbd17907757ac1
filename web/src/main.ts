/** Chooses the lab to begin with and puts the page together; nothing else. */

import "./styles/page.css";

import { firstExample, findExample } from "./examples/first.ts";
import { askToJoin, comeBack } from "./panels/room.ts";
import { readRoomLink } from "./store/room.ts";
import { newId } from "./panels/top-bar.ts";
import { startPageWorker } from "./engine/start-worker.ts";
import { Shell } from "./shell.ts";
import { browserStore, Library } from "./store/library.ts";
import { fromFragment, NotALab } from "./store/share.ts";
import { Session } from "./store/session.ts";

let trouble: string | null = null;
const library = new Library(browserStore(), (reason) => {
  trouble = reason;
});

/** The lab the address names, else the one open last, else the first example; and whether it starts by itself. */
async function begin(): Promise<Shell> {
  const named = /^#example=([\w-]+)$/.exec(location.hash)?.[1];
  const example = named === undefined ? null : await findExample(named);
  const shared = await fromFragment(location.hash).catch((error: unknown) => {
    trouble = error instanceof NotALab ? error.message : "The lab in this link could not be read.";
    return null;
  });
  const kept = library.current();
  const last = kept === null ? null : library.load(kept);
  const choice = example ?? firstExample;
  const isOwn = !example && !shared && last !== null;
  const session = isOwn ? new Session(library, last, kept ?? newId(), startPageWorker) : new Session(library, shared ?? choice.lab, newId(), startPageWorker);
  if (!isOwn && !shared) {
    session.view = choice.view ?? "timeline";
    session.stage = choice.stage ?? "console";
  }
  const shell = new Shell(session);
  document.querySelector("#playground")?.replaceChildren(shell.dom);
  const room = readRoomLink(location.href);
  if (shared || named !== undefined || room) history.replaceState(null, "", location.pathname + location.search);
  if (!isOwn) session.saveNow();
  if (room || !(await comeBack(session))) session.run();
  if (room) void askToJoin(session, room);
  if (trouble !== null) shell.toast(trouble);
  // Whoever is in the page already may follow a room's link all the same.
  window.addEventListener("hashchange", () => {
    const next = readRoomLink(location.href);
    if (!next) return;
    history.replaceState(null, "", location.pathname + location.search);
    void askToJoin(session, next);
  });
  window.addEventListener("pagehide", () => session.saveNow());
  return shell;
}

void begin();
