/**
 * Rooms, as the worker sees them: raw Ethernet frames over a WebSocket to a relay, or over a BroadcastChannel to other tabs.
 *
 * A relay's hub speaks `FromHub` and `ToHub` besides (crates/relay-protocol/src/room.rs). Tabs have no hub: each tells the others what
 * it is and holds a Web Lock that tells of its end; the one that holds a further lock keeps the room, and that one passes on by itself.
 */

import type { FromHub } from "../generated/FromHub.ts";
import type { Member } from "../generated/Member.ts";
import type { MemberHost } from "../generated/MemberHost.ts";
import type { RoomHost } from "../generated/RoomHost.ts";
import type { RoomLease } from "../generated/RoomLease.ts";
import type { ToHub } from "../generated/ToHub.ts";

/** How a page wants to take part. */
export interface RoomJoin {
  /** A WebSocket's address, or the name that tabs share. */
  readonly way: { readonly kind: "relay"; readonly url: string } | { readonly kind: "tabs"; readonly name: string };
  /** The person's name. */
  readonly name: string;
  /** Kept by the browser, told to the hub alone. */
  readonly seat: string;
  /** Hardware addresses follow from it. */
  readonly identity: number;
  /** Makes the member a teacher, who sees all frames. */
  readonly token: string | null;
}

/** Whether frames go anywhere. `ended` is for good: the hub does not want us. */
export type RoomLink = { readonly state: "joining" } | { readonly state: "joined" } | { readonly state: "lost" | "ended"; readonly why: string };

/** What a room tells the worker. */
export interface RoomEvents {
  frame(bytes: Uint8Array): void;
  link(link: RoomLink): void;
  message(message: FromHub): void;
  /** Whose the others' hosts are. */
  known(hosts: readonly RoomHost[]): void;
  /** The own router serves the room from now on. */
  keep(leases: readonly RoomLease[]): void;
}

export interface Room {
  readonly keeps: boolean;
  send(frame: Uint8Array): void;
  tell(message: ToHub): void;
  leave(): void;
}

export function joinRoom(join: RoomJoin, events: RoomEvents): Room {
  return join.way.kind === "relay" ? new RelayRoom(join, join.way.url, events) : new TabRoom(join, join.way.name, events);
}

/** Tries again after so many milliseconds of wall time, doubled each time up to the second figure. */
const retryWallMs = [500, 15_000] as const;
/** Bytes that wait for a slow relay; frames beyond it are lost, as on a full switch port. */
const bufferedBytesMax = 1 << 20;
/** The hub's own close code for a client it does not want (RFC 6455, section 7.4.1). */
const policyViolation = 1008;

class RelayRoom implements Room {
  keeps = false;
  #socket: WebSocket | null = null;
  #member: number | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #waitMs: number = retryWallMs[0];
  /** Said again after each connection. */
  #hosts: readonly MemberHost[] = [];

  constructor(
    readonly join: RoomJoin,
    readonly url: string,
    readonly events: RoomEvents,
  ) {
    this.#open();
  }

  send(frame: Uint8Array): void {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < bufferedBytesMax) socket.send(frame as Uint8Array<ArrayBuffer>);
  }

  tell(message: ToHub): void {
    if (message.type === "hosts") this.#hosts = message.hosts;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  leave(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #open(): void {
    this.events.link({ state: "joining" });
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.url);
    } catch {
      this.events.link({ state: "ended", why: `${this.url} is no address of a room.` });
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      const { name, seat, token } = this.join;
      this.tell({ type: "hello", name, seat, token, canKeep: true });
      this.tell({ type: "hosts", hosts: [...this.#hosts] });
      this.events.link({ state: "joined" });
    });
    socket.addEventListener("message", (event: MessageEvent<ArrayBuffer | string>) => {
      if (this.#socket !== socket) return;
      if (typeof event.data === "string") this.#hear(event.data);
      else this.events.frame(new Uint8Array(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (this.#socket === socket) this.#lost(event);
    });
  }

  #hear(text: string): void {
    let message: FromHub;
    try {
      message = JSON.parse(text) as FromHub;
    } catch {
      return;
    }
    if (message.type === "welcome") {
      this.#member = message.member;
      this.#waitMs = retryWallMs[0];
    } else if (message.type === "roster") {
      this.events.known(hostsOf(message.members.filter((member) => member.id !== this.#member)));
    } else if (message.type === "keep") {
      this.keeps = true;
      this.events.keep(message.leases);
    }
    this.events.message(message);
  }

  #lost(event: CloseEvent): void {
    this.#socket = null;
    if (event.code === policyViolation) {
      this.events.link({ state: "ended", why: event.reason || "The room ended the connection." });
      return;
    }
    this.events.link({ state: "lost", why: event.reason || "The relay cannot be reached." });
    this.#retry = setTimeout(() => this.#open(), this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 2, retryWallMs[1]);
  }
}

type TabMessage =
  | { readonly type: "frame"; readonly bytes: Uint8Array }
  | { readonly type: "here"; readonly member: Member; readonly asks: boolean }
  | { readonly type: "gone"; readonly id: number }
  | { readonly type: "leases"; readonly leases: readonly RoomLease[] };

class TabRoom implements Room {
  keeps = false;
  readonly #channel: BroadcastChannel;
  readonly #others = new Map<number, Member>();
  #hosts: readonly MemberHost[] = [];
  #leases: readonly RoomLease[] = [];
  readonly #left = new AbortController();

  constructor(
    readonly join: RoomJoin,
    readonly name: string,
    readonly events: RoomEvents,
  ) {
    this.#channel = new BroadcastChannel(`nodemcu-net-playground/room/${name}`);
    this.#channel.addEventListener("message", (event: MessageEvent<TabMessage>) => this.#hear(event.data));
    void this.#hold(this.#lockOf(join.identity), () => {
      this.#here(true);
      events.link({ state: "joined" });
      events.message({ type: "welcome", member: join.identity, role: "member", paused: false, lab: null });
      this.#tellRoster();
      // Keeps the room as soon as no other tab does.
      void this.#hold(this.#lockOf("keeper"), () => {
        this.keeps = true;
        this.events.keep(this.#leases);
        this.#tellRoster();
      });
    });
  }

  send(frame: Uint8Array): void {
    this.#post({ type: "frame", bytes: frame });
  }

  tell(message: ToHub): void {
    if (message.type === "hosts") {
      this.#hosts = message.hosts;
      this.#here(false);
      this.#tellRoster();
    } else if (message.type === "leases") {
      this.#leases = message.leases;
      this.#post({ type: "leases", leases: message.leases });
    }
  }

  leave(): void {
    this.#post({ type: "gone", id: this.join.identity });
    this.#left.abort();
    this.#channel.close();
  }

  #lockOf(who: number | "keeper"): string {
    return `nodemcu-net-playground/room/${this.name}/${who}`;
  }

  /** Waits for a lock, tells so, and holds it until the room is left or the tab goes. */
  async #hold(lock: string, held: () => void): Promise<void> {
    const { signal } = this.#left;
    const holding = (): Promise<void> => {
      held();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    };
    // A wait that is broken off rejects; there is nothing to do about it.
    await navigator.locks.request(lock, { signal }, holding).catch(() => undefined);
  }

  /** Notices when a tab goes, however it goes: the lock that it holds becomes free. */
  async #watch(id: number): Promise<void> {
    const gone = (): void => {
      if (this.#others.delete(id)) this.#tellRoster();
    };
    await navigator.locks.request(this.#lockOf(id), { signal: this.#left.signal }, gone).catch(() => undefined);
  }

  #hear(message: TabMessage): void {
    switch (message.type) {
      case "frame":
        return this.events.frame(message.bytes);
      case "leases":
        this.#leases = message.leases;
        return;
      case "gone":
        if (this.#others.delete(message.id)) this.#tellRoster();
        return;
      case "here": {
        const { member, asks } = message;
        const before = this.#others.get(member.id);
        this.#others.set(member.id, member);
        if (!before) void this.#watch(member.id);
        if (asks) {
          this.#here(false);
          if (this.keeps) this.#post({ type: "leases", leases: this.#leases });
        }
        if (JSON.stringify(before) !== JSON.stringify(member)) this.#tellRoster();
      }
    }
  }

  #here(asks: boolean): void {
    this.#post({ type: "here", member: this.#self(), asks });
  }

  #self(): Member {
    return { id: this.join.identity, name: this.join.name, role: "member", hosts: [...this.#hosts] };
  }

  #tellRoster(): void {
    const others = [...this.#others.values()];
    this.events.known(hostsOf(others));
    this.events.message({ type: "roster", members: [this.#self(), ...others], keeper: this.keeps ? this.join.identity : null });
  }

  #post(message: TabMessage): void {
    if (!this.#left.signal.aborted) this.#channel.postMessage(message);
  }
}

function hostsOf(members: readonly Member[]): readonly RoomHost[] {
  return members.flatMap((member) => member.hosts.map((host) => ({ ...host, owner: member.name })));
}
