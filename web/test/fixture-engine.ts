/**
 * An engine that plays a prepared run: the page's own behaviour is tested against it where the real engine would only add noise,
 * above all with many records. A lab whose title has "heavy" gets a visit every five milliseconds. Never part of a built site.
 */

import type { Engine, Run } from "../src/engine/engine.ts";
import type { Input, Lab } from "../src/engine/lab.ts";
import type { BoardStatus } from "../src/generated/BoardStatus.ts";
import type { FrameSummary } from "../src/generated/FrameSummary.ts";
import type { FrameView } from "../src/generated/FrameView.ts";
import type { NetworkMap } from "../src/generated/NetworkMap.ts";
import type { Report } from "../src/generated/Report.ts";
import type { Stream } from "../src/generated/Stream.ts";
import type { UplinkView } from "../src/generated/UplinkView.ts";
import type { TraceRecord } from "../src/trace/record.ts";

type Draft = TraceRecord extends infer R ? (R extends unknown ? Omit<R, "id" | "cause" | "at" | "host"> : never) : never;

const server = 3;
const client = 4;
const router = 0;
const pc = 1;

const [serverIp, clientIp] = ["192.168.1.100", "192.168.1.101"];

class FixtureRun implements Run {
  #records: TraceRecord[] = [];
  #frames: FrameSummary[] = [];
  #all = new Map<number, FrameSummary>();
  #consoles: { host: number; bytes: Uint8Array }[] = [];
  #id = 0;
  #nowMs = 0;
  #visits = 0;
  #nextVisitMs = 2000;
  #booted = false;
  readonly #isHeavy: boolean;

  constructor(readonly given: Lab) {
    this.#isHeavy = given.title?.includes("heavy") ?? false;
    if (given.title?.includes("refused")) throw new Error("boards[0].files: this lab is refused");
  }

  advance(untilMs: number): void {
    if (this.given.title?.includes("crash") && untilMs > 300) throw new WebAssembly.RuntimeError("unreachable");
    if (!this.#booted) this.#boot();
    const end = performance.now() + 6;
    while (this.#nextVisitMs <= untilMs && performance.now() < end) {
      this.#visit(this.#nextVisitMs * 1000);
      this.#nextVisitMs += this.#isHeavy ? 5 : 2000;
    }
    this.#nowMs = Math.min(untilMs, this.#nextVisitMs);
  }

  stepToNext(): void {
    this.advance(this.#nextVisitMs);
  }

  input(input: Input): void {
    if (input.type === "console") this.#print(server, `${input.text.replace("\n", "\r\n")}> `);
    if (input.type === "pcCommand") this.#print(pc, `$ ${input.line}\r\nnot in the fixture\r\n$ `);
  }

  // Nothing runs here that could be stopped.
  setBreakpoints(): void {}
  pauseProgram(): void {}
  resume(): void {}
  isStopped(): boolean {
    return false;
  }

  report(): Report {
    const report: Report = {
      nowMs: this.#nowMs,
      reached: true,
      hasWorkAtMs: this.#nextVisitMs,
      consoles: this.#consoles,
      records: this.#records,
      recordsLost: 0,
      frames: this.#frames,
      boards: [this.#status(server, "server", serverIp), this.#status(client, "client", clientIp)],
      checks: [],
      fetches: [],
      filesChanged: [],
      stoppedAt: null,
    };
    this.#records = [];
    this.#frames = [];
    this.#consoles = [];
    return report;
  }

  map(): NetworkMap {
    const face = (ip: string, index: number) => [{ index: 0, mac: `5e:cf:7f:00:00:0${index}`, ip, prefixLength: 24, gateway: "192.168.1.1" }];
    const host = (id: number, name: string, kind: NetworkMap["hosts"][number]["kind"], ip: string) => ({ id, name, kind, owner: null, up: true, interfaces: face(ip, id), sockets: [], arp: [{ ip: "192.168.1.1", mac: "5e:cf:7f:00:00:00" }] });
    const names = ["www.nodemcu.com", "httpbin.org", "example.com", "8.8.8.8", "pool.ntp.org", "test.mosquitto.org", "echo.example", "slow.example"];
    const servers = names.map((name, index) => host(10 + index, name, "server", `203.0.113.${index + 1}`));
    const fault = { latencyMs: 2, jitterMs: 1, rateKbps: 20_000, queueBytesMax: 65_536, loss: 0, duplication: 0, reordering: 0, corruption: 0 };
    const link = (hostId: number, to: number | null, wireless: boolean) => ({ host: hostId, to, wireless, link: { down: false, toHost: fault, fromHost: fault }, inFlight: [] });
    return {
      nowMs: this.#nowMs,
      hosts: [host(router, "router", "router", "192.168.1.1"), host(pc, "pc", "pc", "192.168.1.50"), host(server, "server", "board", serverIp), host(client, "client", "board", clientIp), ...servers],
      links: [link(pc, router, false), link(server, router, true), link(client, router, true), link(router, null, false), ...servers.map((other) => link(other.id, null, false))],
      leases: [
        { server: router, mac: "5e:cf:7f:00:00:03", hostname: "NODE-000003", ip: serverIp, expiresMs: 86_400_000 },
        { server: router, mac: "5e:cf:7f:00:00:04", hostname: "NODE-000004", ip: clientIp, expiresMs: 86_400_000 },
      ],
      zone: names.slice(0, 4).map((name, index) => ({ name, answer: { addresses: [`203.0.113.${index + 1}`] }, edited: false })),
    };
  }

  frame(id: number): FrameView | null {
    const summary = this.#all.get(id);
    if (!summary) return null;
    const bytes = Uint8Array.from({ length: summary.length }, (_, index) => (index * 37 + id) & 255);
    const field = (name: string, value: string, start: number, end: number) => ({ name, value, start, end, error: null });
    return {
      summary,
      layers: [
        { name: "Ethernet", summary: "5e:cf:7f:00:00:04 → 5e:cf:7f:00:00:03", start: 0, end: 14, fields: [field("Destination", "5e:cf:7f:00:00:03", 0, 6), field("Source", "5e:cf:7f:00:00:04", 6, 12), field("Type", "0x0800", 12, 14)] },
        { name: "IPv4", summary: `${summary.source} → ${summary.destination}`, start: 14, end: 34, fields: [field("Time to live", "255", 22, 23), field("Protocol", "6", 23, 24)] },
        { name: "TCP", summary: summary.summary, start: 34, end: 54, fields: [field("Source port", String(summary.transport?.sourcePort), 34, 36), field("Destination port", String(summary.transport?.destinationPort), 36, 38)] },
      ],
      bytes,
    };
  }

  streamOfFrame(frame: number): Stream | null {
    return {
      protocol: "tcp",
      local: `${clientIp}:49153`,
      remote: `${serverIp}:80`,
      chunks: [
        { fromLocal: true, atMs: 2003, frame, bytes: new TextEncoder().encode("GET /status HTTP/1.0\r\nHost: server\r\n\r\n") },
        { fromLocal: false, atMs: 2009, frame, bytes: new TextEncoder().encode("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Hello from a board</h1>") },
      ],
    };
  }

  pcapng(): Uint8Array {
    return new Uint8Array([10, 13, 13, 10]);
  }

  files(): [] {
    return [];
  }

  lab(): Lab {
    return this.given;
  }

  nowMs(): number {
    return this.report().nowMs;
  }

  // The prepared run has no room.
  roomReceive(): null {
    return null;
  }

  roomTake(): null {
    return null;
  }

  roomHosts(): [] {
    return [];
  }

  roomKnown(): void {}

  roomKeep(): void {}

  roomLeases(): [] {
    return [];
  }

  uplinkConnecting(): void {}
  uplinkConnected(): void {}
  uplinkReceive(): void {}
  uplinkTake(): null {
    return null;
  }
  uplinkLost(): void {}
  uplinkLeft(): void {}
  publish(): void {}
  unpublish(): void {}
  uplink(): UplinkView {
    return { state: "off", relay: "", error: null, version: 0, confirms: false, extended: false, message: null, streams: 0, ports: [] };
  }

  free(): void {}

  #status(host: number, name: string, ip: string): BoardStatus {
    return {
      host,
      name,
      power: "idle",
      heapFreeBytes: 39_212,
      heapBytes: 45_000,
      wifi: "STA_GOTIP",
      ssid: "playground",
      rssiDbm: -52,
      interfaces: [{ index: 0, mac: `5e:cf:7f:00:00:0${host}`, ip, prefixLength: 24, gateway: "192.168.1.1" }],
      pins: host === server ? [{ pin: 4, high: false, output: true }] : [],
      uptimeMs: this.#nowMs,
      boots: 1,
      behaviour: "manual",
      release: "any",
      lua: "5.1",
    };
  }

  #print(host: number, text: string): void {
    this.#consoles.push({ host, bytes: new TextEncoder().encode(text) });
  }

  #add(at: number, host: number, cause: number | null, draft: Draft): number {
    const id = ++this.#id;
    this.#records.push({ id, cause, at: Math.round(at), host, ...draft } as TraceRecord);
    return id;
  }

  /** Sends a frame and lets it arrive; gives the arrival. */
  #carry(at: number, from: number, to: number, cause: number | null, socket: number | null, line: Omit<FrameSummary, "frame" | "sentMs" | "from">, isLost = false): { id: number; at: number } {
    const frame = this.#add(at, from, cause, { kind: "frame_sent", socket, length: line.length });
    const summary: FrameSummary = { frame, sentMs: at / 1000, from, ...line };
    this.#frames.push(summary);
    this.#all.set(frame, summary);
    const arrival = at + 1800 + (frame % 7) * 90;
    if (isLost) this.#add(arrival, to, frame, { kind: "frame_dropped", frame, reason: "loss" });
    const id = isLost ? frame : this.#add(arrival, to, frame, { kind: "frame_carried", frame, from });
    return { id, at: arrival };
  }

  #tcp(source: string, destination: string, ports: [number, number], flags: string, payload = ""): Omit<FrameSummary, "frame" | "sentMs" | "from"> {
    const http = payload.startsWith("GET") || payload.startsWith("HTTP");
    return {
      source,
      destination,
      protocol: http ? "HTTP" : "TCP",
      summary: http ? payload : `${ports[0]} → ${ports[1]} [${flags}] Seq=1 Win=5840 Len=${payload.length}`,
      sentence: payload ? `${source} sends ${destination} ${payload.length} bytes.` : flags === "SYN" ? `${source} asks ${destination} for a connection to port ${ports[1]}.` : `${source} confirms what it has received from ${destination} so far.`,
      length: 54 + payload.length,
      transport: { protocol: "tcp", sourcePort: ports[0], destinationPort: ports[1], payloadBytes: payload.length, flags },
    };
  }

  #boot(): void {
    this.#booted = true;
    for (const [host, ip, name] of [
      [server, serverIp, "server"],
      [client, clientIp, "client"],
    ] as const) {
      const boot = this.#add(0, host, null, { kind: "boot", reason: "power_on" });
      this.#print(host, `\r\nNodeMCU 3.0.0.0 \r\n build playground powered by Lua 5.1.4\r\n> `);
      const discover = { source: "0.0.0.0", destination: "255.255.255.255", protocol: "DHCP", summary: "DISCOVER", sentence: `${name} asks whether anyone hands out addresses.`, length: 342, transport: { protocol: "udp" as const, sourcePort: 68, destinationPort: 67, payloadBytes: 300, flags: null } };
      const arrival = this.#carry(120_000 + host * 40_000, host, router, boot, null, discover);
      const offer = this.#carry(arrival.at + 900, router, host, arrival.id, null, { ...discover, source: "192.168.1.1", destination: ip, summary: `ACK ${ip}` });
      this.#add(offer.at, host, offer.id, { kind: "address", interface: 0, address: ip });
      this.#callback(offer.at + 200, host, null, offer.id, "wifi.sta_got_ip", 25, `IP=${ip}`, 400, () => {
        this.#print(host, name === "server" ? `my page: http://${ip}/\r\n> ` : "> ");
      });
    }
    this.#add(300_000, server, null, { kind: "socket", socket: 1, protocol: "tcp", local: { ip: "0.0.0.0", port: 80 }, remote: null, state: "listen" });
  }

  #callback(at: number, host: number, socket: number | null, cause: number | null, event: string, line: number, given: string, ran: number, body: (id: number, at: number) => void): number {
    const id = this.#add(at, host, cause, { kind: "callback", event, position: { file: "init.lua", line }, arguments: given, socket, due: at - 150 });
    body(id, at);
    this.#add(at + ran, host, id, { kind: "callback_end", callback: id, ran, error: null });
    return id;
  }

  #call(at: number, host: number, socket: number | null, cause: number, name: string, given: string, line: number): number {
    return this.#add(at, host, cause, { kind: "call", function: name, arguments: given, position: { file: "init.lua", line }, socket });
  }

  #visit(at: number): void {
    this.#visits++;
    const port = 49_152 + (this.#visits % 10_000);
    const [mine, theirs] = [this.#visits + 1, this.#visits + 1];
    const out: [number, number] = [port, 80];
    const back: [number, number] = [80, port];
    let connect = 0;
    this.#callback(at, client, null, null, "timer", 15, "timer", 700, (id, begin) => {
      this.#call(begin + 120, client, mine, id, "net.createConnection", "net.TCP, 0", 3);
      connect = this.#call(begin + 460, client, mine, id, "net.socket:connect", `80, "${serverIp}"`, 10);
    });
    const ends = { local: { ip: clientIp, port }, remote: { ip: serverIp, port: 80 } };
    this.#add(at + 480, client, connect, { kind: "socket", socket: mine, protocol: "tcp", ...ends, state: "syn_sent" });
    const syn = this.#carry(at + 500, client, server, connect, mine, this.#tcp(clientIp, serverIp, out, "SYN"));
    this.#add(syn.at, server, syn.id, { kind: "socket", socket: theirs, protocol: "tcp", local: { ip: serverIp, port: 80 }, remote: { ip: clientIp, port }, state: "syn_received" });
    const synAck = this.#carry(syn.at + 60, server, client, syn.id, theirs, this.#tcp(serverIp, clientIp, back, "SYN, ACK"));
    this.#add(synAck.at, client, synAck.id, { kind: "socket", socket: mine, protocol: "tcp", ...ends, state: "established" });
    let send = 0;
    this.#callback(synAck.at + 100, client, mine, synAck.id, "connection", 4, "socket", 520, (id, begin) => {
      send = this.#call(begin + 220, client, mine, id, "net.socket:send", '"GET /status HTTP/1.0…"', 5);
    });
    const isLost = this.#visits % 5 === 0;
    let request = this.#carry(synAck.at + 900, client, server, send, mine, this.#tcp(clientIp, serverIp, out, "PSH, ACK", "GET /status HTTP/1.0"), isLost);
    if (isLost) request = this.#carry(request.at + 350_000, client, server, send, mine, this.#tcp(clientIp, serverIp, out, "PSH, ACK", "GET /status HTTP/1.0"));
    let answer = 0;
    this.#callback(request.at + 140, server, theirs, request.id, "receive", 6, '"GET /status HTTP/1.0…"', 1600, (id, begin) => {
      this.#print(server, `request ${this.#visits} for /status\r\n> `);
      answer = this.#call(begin + 900, server, theirs, id, "net.socket:send", '"HTTP/1.0 200 OK…"', 10);
    });
    const reply = this.#carry(request.at + 1900, server, client, answer, theirs, this.#tcp(serverIp, clientIp, back, "PSH, ACK", "HTTP/1.0 200 OK"));
    this.#callback(reply.at + 120, client, mine, reply.id, "receive", 7, '"HTTP/1.0 200 OK…"', 800, () => this.#print(client, `${this.#visits} visits so far\r\n> `));
    const ack = this.#carry(reply.at + 300, client, server, reply.id, mine, this.#tcp(clientIp, serverIp, out, "ACK"));
    let close = 0;
    this.#callback(ack.at + 90, server, theirs, ack.id, "sent", 16, "socket", 300, (id, begin) => {
      close = this.#call(begin + 100, server, theirs, id, "net.socket:close", "", 17);
    });
    const fin = this.#carry(ack.at + 500, server, client, close, theirs, this.#tcp(serverIp, clientIp, back, "FIN, ACK"));
    this.#add(fin.at, client, fin.id, { kind: "nothing", reason: "no_handler", layer: "application", detail: "the connection was closed, but nobody handles “disconnection”", socket: mine });
    this.#add(fin.at + 200, client, fin.id, { kind: "socket", socket: mine, protocol: "tcp", ...ends, state: "closed" });
    this.#add(fin.at + 2000, server, fin.id, { kind: "socket", socket: theirs, protocol: "tcp", local: { ip: serverIp, port: 80 }, remote: { ip: clientIp, port }, state: "closed" });
  }
}


const plain = { parameters: [], removedUseInstead: null, lua51Only: false };

const engine: Engine = {
  start: (lab) => new FixtureRun(lab),
  startInRoom: (lab) => new FixtureRun(lab),
  api: () => [
    { name: "net", kind: "module", signature: "", doc: "TCP and UDP sockets.", ...plain },
    { name: "net.createServer", kind: "function", signature: "createServer([timeout])", doc: "Makes a TCP server.", ...plain },
    { name: "net.socket:send", kind: "method", signature: "send(data [, callback])", doc: "Sends data to the peer.", ...plain },
  ],
  check: (_file, source) => {
    const line = source.split("\n").findIndex((text) => text.includes("= ="));
    return line < 0 ? [] : [{ message: `init.lua:${line + 1}: unexpected symbol near '='`, line: line + 1, column: (source.split("\n")[line] ?? "").indexOf("= =") + 3, length: 1, incomplete: false }];
  },
};

export function loadEngine(): Engine {
  return engine;
}

export function giveRest(): void {}
