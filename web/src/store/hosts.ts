/** The hosts of a run as the views show them: name, kind, colour and shape, in a fixed order. */

import type { HostKind } from "../generated/HostKind.ts";
import type { NetworkMap } from "../generated/NetworkMap.ts";
import type { BoardStatus } from "../generated/BoardStatus.ts";

export interface Host {
  readonly id: number;
  readonly name: string;
  readonly kind: HostKind;
  /** Place in the palette; the shape goes with it, so colour never stands alone. */
  readonly hue: number;
  readonly shape: string;
  readonly ip: string | null;
  /** The member of the room whose it is; `null` for this page's own and the built-in ones. */
  readonly owner: string | null;
}

const shapes = ["●", "■", "▲", "◆", "★", "⬟", "✚", "⬢"];
const kindOrder: readonly HostKind[] = ["board", "pc", "router", "internet", "server", "outside"];

/** Number of hues that style sheets define for boards; the others follow. */
export const boardHues = 8;
const kindHue: Readonly<{ [kind in HostKind]: number }> = { board: 0, pc: 8, router: 9, internet: 10, server: 10, outside: 11 };
const kindShape: Readonly<{ [kind in HostKind]: string }> = { board: "●", pc: "⌂", router: "⇄", internet: "☁", server: "▣", outside: "↗" };

/** Hue and shape of the board at a place in the lab. */
export function boardLook(index: number): { readonly hue: number; readonly shape: string } {
  return { hue: index % boardHues, shape: shapes[index % shapes.length] ?? "●" };
}

export class Hosts {
  #hosts = new Map<number, Host>();
  #order: readonly Host[] = [];

  /** Boards first, then the PC, the router and the servers. */
  get all(): readonly Host[] {
    return this.#order;
  }

  get(id: number): Host | undefined {
    return this.#hosts.get(id);
  }

  readonly nameOf = (id: number): string => this.#hosts.get(id)?.name ?? `host ${id}`;

  byName(name: string): Host | undefined {
    return this.#order.find((host) => host.name === name);
  }

  byKind(kind: HostKind): Host | undefined {
    return this.#order.find((host) => host.kind === kind);
  }

  /** The host that has `ip` now. */
  byIp(ip: string): Host | undefined {
    return this.#order.find((host) => host.ip === ip);
  }

  clear(): void {
    this.#hosts.clear();
    this.#order = [];
  }

  /** Takes what is new; says whether anything is. */
  update(boards: readonly BoardStatus[], map: NetworkMap | null): boolean {
    const before = this.#order;
    const hosts = new Map(this.#hosts);
    let boardCount = 0;
    for (const board of boards) {
      const ip = board.interfaces.find((face) => face.ip !== null)?.ip ?? null;
      hosts.set(board.host, { id: board.host, name: board.name, kind: "board", ...boardLook(boardCount++), ip, owner: null });
    }
    // Other members of a room come and go.
    if (map) for (const host of hosts.values()) if (host.owner !== null && !map.hosts.some((other) => other.id === host.id)) hosts.delete(host.id);
    for (const host of map?.hosts ?? []) {
      if (host.kind === "board") continue;
      const ip = host.interfaces.find((face) => face.ip !== null)?.ip ?? null;
      hosts.set(host.id, { id: host.id, name: host.name, kind: host.kind, hue: kindHue[host.kind], shape: kindShape[host.kind], ip, owner: host.owner });
    }
    const rank = (host: Host): number => kindOrder.indexOf(host.kind) * 10_000 + host.id;
    this.#order = [...hosts.values()].sort((a, b) => rank(a) - rank(b));
    this.#hosts = hosts;
    return JSON.stringify(before) !== JSON.stringify(this.#order);
  }
}
