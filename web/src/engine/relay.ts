/**
 * The way to the real network, as the worker sees it: a WebSocket to a relay, for one run. What passes over it is the engine's
 * business (`crates/sim/src/uplink`); here it is opened, opened again with growing pauses, and kept from piling up.
 */

import type { Run } from "./engine.ts";

/** A port of a board that shall be reached from outside. */
export interface WantedPort {
  readonly board: string;
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/** Which relay, and what it shall publish. */
export interface RelayWish {
  /** The WebSocket's address, with the pairing code in its path if there is one. */
  readonly url: string;
  /** The address in words, without the code. */
  readonly name: string;
  readonly code: string | null;
  readonly ports: readonly WantedPort[];
}

/** Asks a server for version 2 of the protocol (`relay_protocol::SUBPROTOCOL`). */
const subprotocol = "wisp-v2";
/** Tries again after so many milliseconds of wall time, doubled each time up to the second figure. */
const retryWallMs = [500, 30_000] as const;
/** Bytes that wait for a slow relay; beyond it the boards' own windows close. */
const bufferedBytesMax = 1 << 18;
/** The relay's close code for a client it does not want (RFC 6455, section 7.4.1). */
const policyViolation = 1008;

const portKey = ({ board, protocol, port }: WantedPort): string => `${protocol} ${port} ${board}`;

export class Relay {
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #pauseMs: number = retryWallMs[0];
  /** Servers of version 1 may refuse a subprotocol, and browsers want one that they offered: so every second try does without. */
  #offersVersion2 = true;
  #ports: readonly WantedPort[] = [];

  /** Whatever the WebSocket brings is done inside `act`, which then goes on with the run. */
  constructor(
    readonly run: Run,
    readonly wish: RelayWish,
    readonly act: (work: () => void) => void,
  ) {
    run.uplinkConnecting(wish.name);
    this.publish(wish.ports);
    this.#open();
  }

  /** Has these ports published, and no others. */
  publish(ports: readonly WantedPort[]): void {
    const wanted = new Set(ports.map(portKey));
    const had = new Set(this.#ports.map(portKey));
    for (const port of this.#ports) if (!wanted.has(portKey(port))) this.run.unpublish(port);
    for (const port of ports) if (!had.has(portKey(port))) this.run.publish(port);
    this.#ports = ports;
    this.send();
  }

  /** Sends what the run has for the relay, as far as the relay takes it. */
  send(): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    while (socket.bufferedAmount < bufferedBytesMax) {
      const message = this.run.uplinkTake();
      if (!message) return;
      socket.send(message);
    }
  }

  /** Gives the relay up. */
  leave(): void {
    this.close();
    this.run.uplinkLeft();
  }

  /** Closes the WebSocket, for a run that has ended. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #open(): void {
    this.#timer = null;
    let socket: WebSocket;
    try {
      socket = this.#offersVersion2 ? new WebSocket(this.wish.url, subprotocol) : new WebSocket(this.wish.url);
    } catch {
      // Not an address, or one that this page may not speak to (an http page's relay from an https page).
      return this.#lost("this page may not open that address");
    }
    socket.binaryType = "arraybuffer";
    let wasOpen = false;
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      wasOpen = true;
      this.#pauseMs = retryWallMs[0];
      this.act(() => this.run.uplinkConnected(this.wish.name, this.wish.code));
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      const { data } = event;
      if (socket !== this.#socket || !(data instanceof ArrayBuffer)) return;
      this.act(() => this.run.uplinkReceive(new Uint8Array(data)));
    };
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      if (!wasOpen) this.#offersVersion2 = !this.#offersVersion2;
      this.#lost(reason || (wasOpen ? "it closed the connection" : "it does not answer, or does not take this page or pairing code"), code !== policyViolation);
    };
    this.#socket = socket;
  }

  #lost(why: string, triesAgain = true): void {
    this.act(() => this.run.uplinkLost(this.wish.name, why));
    if (!triesAgain) return;
    this.#timer = setTimeout(() => this.#open(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, retryWallMs[1]);
  }
}
