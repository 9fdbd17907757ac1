import { ChangeSet, Text } from "@codemirror/state";
import { describe, expect, it } from "vitest";

import { lineWithCode, movedLine } from "../src/editor/debugger.ts";
import { variableNamed } from "../src/editor/values.ts";
import { candidates, lookUp, nameBefore } from "../src/editor/help.ts";
import { indexOfByte, rangeAt } from "../src/editor/offsets.ts";
import type { ApiEntry } from "../src/generated/ApiEntry.ts";
import { addressFrom, loadPage, resolve } from "../src/browser/page.ts";
import { byteCount, hexRows, printable } from "../src/packets/bytes.ts";
import { frameTest } from "../src/packets/filter.ts";
import { SequenceNumbers } from "../src/packets/sequence.ts";
import { unknownSummary } from "../src/packets/summary.ts";
import type { FrameView } from "../src/trace/log.ts";

const entry = (name: string, kind: ApiEntry["kind"]): ApiEntry => ({ name, kind, signature: "", doc: "", parameters: [], removedUseInstead: null, lua51Only: false });
const api = [entry("net", "module"), entry("net.createServer", "function"), entry("net.dns", "module"), entry("net.dns.resolve", "function"), entry("net.socket:send", "method"), entry("net.udpsocket:send", "method"), entry("tmr", "module")];

describe("help", () => {
  it("reads the name before the cursor", () => {
    expect(nameBefore("  local s = net.createS")).toEqual({ owner: "net", separator: ".", part: "createS" });
    expect(nameBefore("sck:")).toEqual({ owner: "sck", separator: ":", part: "" });
    expect(nameBefore("print(")).toEqual({ owner: "", separator: "", part: "" });
  });

  it("offers members after a dot, methods after a colon, modules else", () => {
    const names = (text: string): string[] => candidates(api, nameBefore(text)).map(({ name }) => name);
    expect(names("net.")).toEqual(["net.createServer", "net.dns"]);
    expect(names("net.dns.r")).toEqual(["net.dns.resolve"]);
    expect(names("sck:s")).toEqual(["net.socket:send", "net.udpsocket:send"]);
    expect(names("")).toEqual(["net", "tmr"]);
  });

  it("looks names up", () => {
    expect(lookUp(api, "net", ".", "createServer").length).toBe(1);
    expect(lookUp(api, "anything", ":", "send").length).toBe(2);
    expect(lookUp(api, "", "", "unknown")).toEqual([]);
  });
});

describe("offsets", () => {
  it("counts columns in bytes", () => {
    expect(indexOfByte("aé☃x", 0)).toBe(0);
    expect(indexOfByte("aé☃x", 3)).toBe(2);
    expect(indexOfByte("aé☃x", 6)).toBe(3);
  });

  it("marks the token, or the line without its indentation", () => {
    const text = Text.of(["local x", "  print('é' = 1)"]);
    expect(rangeAt(text, 2)).toEqual({ from: 10, to: 24 });
    expect(rangeAt(text, 2, 14, 1)).toEqual({ from: 20, to: 21 });
    expect(rangeAt(text, 99).from).toBe(10);
  });

  it("marks the last character when the error is at the end", () => {
    expect(rangeAt(Text.of(["x ="]), 1, 4, 1)).toEqual({ from: 2, to: 3 });
  });
});

describe("breakpoints in a text", () => {
  const text = Text.of(["-- one", "  two()", "", "three()"]);
  const at = (line: number): number => text.line(line).from;
  /** Where line 2 is after an edit. */
  const moved = (from: number, to: number, insert: string): number | null => {
    const changes = ChangeSet.of({ from, to, insert }, text.length);
    return movedLine(2, text, changes.apply(text), changes);
  };

  it("move with their line when lines are added or taken away before it", () => {
    expect(moved(0, 0, "-- new\n-- lines\n")).toBe(4);
    expect(moved(at(2), at(2), "\n")).toBe(3);
    expect(moved(0, at(2), "")).toBe(1);
  });

  it("stay when their line is typed anew or others below it change", () => {
    expect(moved(at(2), text.line(2).to, "other()")).toBe(2);
    expect(moved(at(4), text.length, "")).toBe(2);
  });

  it("go with their line", () => {
    expect(moved(at(2), at(3), "")).toBe(null);
    expect(moved(at(2) - 1, text.line(2).to, "")).toBe(null);
  });

  it("are set where there is code", () => {
    expect(lineWithCode(text, 1)).toBe(2);
    expect(lineWithCode(text, 3)).toBe(4);
    expect(lineWithCode(Text.of(["x = 1", "-- end"]), 2)).toBe(2);
  });
});

describe("values", () => {
  const number = (name: string, text: string) => ({ name, typeName: "number", text, fields: [] });
  const call = {
    function: "f",
    position: null,
    locals: [number("n", "1"), { name: "config", typeName: "table", text: "table (1)", fields: [number("port", "80")] }, number("n", "2")],
    upvalues: [number("n", "3"), number("count", "4")],
  };
  const globals = [number("count", "5"), number("total", "6")];

  it("are those of the innermost variable of that name, and of its fields", () => {
    expect(variableNamed(call, globals, "n")?.text).toBe("2");
    expect(variableNamed(call, globals, "count")?.text).toBe("4");
    expect(variableNamed(call, globals, "total")?.text).toBe("6");
    expect(variableNamed(call, globals, "config.port")?.text).toBe("80");
    expect(variableNamed(call, globals, "config.host")).toBe(null);
    expect(variableNamed(call, globals, "other")).toBe(null);
  });
});

describe("packets", () => {
  const frame = (protocol: string, port: number, isLost = false): FrameView => ({
    id: 1, number: 1, host: 3, socket: null, cause: null, sentAt: 0, length: 60,
    summary: { frame: 1, sentMs: 0, from: 3, source: "192.168.1.101", destination: "192.168.1.100", protocol, summary: "GET /status", sentence: "", length: 60, transport: { protocol: "tcp", sourcePort: 49_152, destinationPort: port, payloadBytes: 0, flags: "SYN, ACK" } },
    arrivals: [], drops: isLost ? [{ record: 2, host: 1, at: 1, reason: "loss" }] : [], refusals: [],
  });
  const hosts = { nameOf: (host: number) => (host === 3 ? "client" : "?") };
  const passes = (text: string, given: FrameView): boolean => frameTest(text, hosts)(given);

  it("filters by protocol, port, host, flag, loss and words", () => {
    expect(passes("tcp port 80", frame("HTTP", 80))).toBe(true);
    expect(passes("port:81", frame("HTTP", 80))).toBe(false);
    expect(passes("host client", frame("HTTP", 80))).toBe(true);
    expect(passes("host=192.168.1.100 syn", frame("TCP", 80))).toBe(true);
    expect(passes("lost", frame("TCP", 80))).toBe(false);
    expect(passes("not lost /status", frame("TCP", 80, false))).toBe(true);
    expect(passes("!arp", frame("ARP", 0))).toBe(false);
  });

  it("shows bytes as text and hex", () => {
    expect(printable("a\r\n\u0001")).toBe("a\\r\\n\\1");
    expect(hexRows(Uint8Array.of(72, 105, 0))[0]?.bytes.map((byte) => byte.character).join("")).toBe("Hi·");
    expect(byteCount(1234)).toBe("1.2 kB");
  });
});

describe("sequence numbers", () => {
  const client = "192.168.1.101:49152";
  const server = "192.168.1.100:80";
  /** A segment's line in the list, after those before it. */
  const lines = (...segments: readonly (readonly [from: string, to: string, text: string])[]): readonly string[] => {
    const sequences = new SequenceNumbers();
    return segments.map(([from, to, text]) => {
      const [source = "", sourcePort] = from.split(":");
      const [destination = "", destinationPort] = to.split(":");
      const transport = { protocol: "tcp" as const, sourcePort: Number(sourcePort), destinationPort: Number(destinationPort), payloadBytes: 0, flags: "ACK" };
      return sequences.relative({ ...unknownSummary(1, 1, 54), source, destination, transport, summary: `${sourcePort} → ${destinationPort} ${text} Win=5840 Len=0` }).summary.replace(/^.*(\[.*) Win.*$/, "$1");
    });
  };

  it("count from each side's SYN", () => {
    expect(lines([client, server, "[SYN] Seq=743172356"], [server, client, "[SYN, ACK] Seq=340108693 Ack=743172357"], [client, server, "[ACK] Seq=743172357 Ack=340108694"])).toEqual([
      "[SYN] Seq=0",
      "[SYN, ACK] Seq=0 Ack=1",
      "[ACK] Seq=1 Ack=1",
    ]);
  });

  it("begin again with a new connection of the same ports", () => {
    expect(lines([client, server, "[SYN] Seq=100"], [client, server, "[FIN, ACK] Seq=200 Ack=5"], [client, server, "[SYN] Seq=900"])).toEqual(["[SYN] Seq=0", "[FIN, ACK] Seq=100 Ack=1", "[SYN] Seq=0"]);
  });

  it("begin with 1 where the SYN was not seen, and go on after 2^32", () => {
    expect(lines([client, server, "[ACK] Seq=4294967290 Ack=7"], [client, server, "[PSH, ACK] Seq=4 Ack=9"])).toEqual(["[ACK] Seq=1 Ack=1", "[PSH, ACK] Seq=11 Ack=3"]);
  });

  it("are left out of lines that have none", () => {
    const line = { ...unknownSummary(1, 1, 42), summary: "Who has 192.168.1.1?" };
    expect(new SequenceNumbers().relative(line)).toBe(line);
  });
});

describe("the PC's browser", () => {
  it("takes an address as people type it, and only http", () => {
    expect(addressFrom("192.168.1.100")).toBe("http://192.168.1.100/");
    expect(addressFrom("https://example.com")).toBeNull();
    expect(addressFrom("javascript:alert(1)")).toBeNull();
    expect(resolve("/on?x=1", "http://192.168.1.100/a/b")).toBe("http://192.168.1.100/on?x=1");
    expect(resolve("mailto:a@b", "http://192.168.1.100/")).toBeNull();
  });

  it("follows redirections and ends a circle", async () => {
    const asked: string[] = [];
    const reply = (request: { url: string }, status: number, headers: [string, string][]) => ({ id: 1, request, url: request.url, status, headers, body: new Uint8Array(), error: null, startedMs: 0, endedMs: 0 });
    const page = await loadPage({ url: "http://a/" }, async (request) => (asked.push(request.url), request.url === "http://a/" ? reply(request, 302, [["Location", "/b"]]) : reply(request, 204, [])));
    expect(asked).toEqual(["http://a/", "http://a/b"]);
    expect(page).toMatchObject({ status: 204, source: null });
    const circle = await loadPage({ url: "http://a/" }, async (request) => reply(request, 301, [["Location", "/"]]));
    expect(circle.error).toMatch(/again and again/);
  });
});
