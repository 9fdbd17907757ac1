/** The consoles of all boards in one view, one above the other. */

import { boardsOf } from "../store/labs.ts";
import { boardLook } from "../store/hosts.ts";
import type { Session } from "../store/session.ts";
import { Terminal } from "./console.ts";
import type { Panel, PanelReport } from "./panel.ts";

export function boardTerminal(session: Session, name: string): Terminal {
  return new Terminal(session, {
    name,
    host: () => session.hosts.byName(name)?.id,
    send: (line) => session.input({ type: "console", board: name, text: `${line}\n` }),
    placeholder: "type Lua, Enter sends",
    empty: "What the board prints appears here. Press Run.",
    prompt: "",
  });
}

export function pcTerminal(session: Session): Terminal {
  return new Terminal(session, {
    name: "PC",
    host: () => session.hosts.byKind("pc")?.id,
    // A line starts a command or, while one runs, is its input: the PC knows.
    send: (line) => session.input({ type: "pcCommand", line }),
    interrupt: () => session.input({ type: "pcInterrupt" }),
    placeholder: "ping, nslookup, curl, nc, traceroute, help",
    empty: "The PC sits in the same network as the boards. Try: ping 192.168.1.100, curl http://192.168.1.100/, nslookup www.nodemcu.com, nc 192.168.1.100 80",
    prompt: "",
  });
}

export class AllConsoles implements Panel {
  readonly dom = document.createElement("div");
  readonly #terminals = new Map<string, Terminal>();

  constructor(readonly session: Session) {
    this.dom.className = "all-consoles";
  }

  update(report: PanelReport): void {
    const names = boardsOf(this.session.lab).map((board) => board.name);
    for (const [name, terminal] of this.#terminals) {
      if (names.includes(name)) continue;
      terminal.destroy();
      this.#terminals.delete(name);
    }
    for (const [index, name] of names.entries()) {
      let terminal = this.#terminals.get(name);
      if (!terminal) {
        terminal = boardTerminal(this.session, name);
        this.#terminals.set(name, terminal);
        this.dom.append(terminal.dom);
      }
      terminal.dom.dataset["hue"] = String(boardLook(index).hue);
      terminal.update(report);
    }
  }

  destroy(): void {
    for (const terminal of this.#terminals.values()) terminal.destroy();
    this.dom.remove();
  }
}
