import { describe, expect, it } from "vitest";

import type { FrameSummary } from "../src/packets/summary.ts";
import { Hosts } from "../src/store/hosts.ts";
import { sentence } from "../src/trace/describe.ts";
import { categories, type Category, FilteredList, isBackground, matches } from "../src/trace/filter.ts";
import { joinEchoes } from "../src/trace/echoes.ts";
import { TraceLog } from "../src/trace/log.ts";
import type { TraceRecord } from "../src/trace/record.ts";
import { firstAbove, firstAboveBy, TimeScale } from "../src/trace/time-scale.ts";
import { TimelineModel } from "../src/trace/timeline-model.ts";

const everything = new Set<Category>(categories.map(({ id }) => id));
const nameOf = (host: number): string => ["server", "client"][host] ?? `host ${host}`;

function summary(frame: number, more: Partial<FrameSummary> = {}): FrameSummary {
  return { frame, sentMs: 0, from: 0, source: "192.168.1.101", destination: "192.168.1.100", protocol: "TCP", summary: "49152 → 80", sentence: "The client sends the server 5 bytes.", length: 59, transport: { protocol: "tcp", sourcePort: 49_152, destinationPort: 80, payloadBytes: 5, flags: "PSH, ACK" }, ...more };
}

/** A call on the client, its frame, and the callback it leads to on the server. */
const story: readonly TraceRecord[] = [
  { id: 1, cause: null, at: 1000, host: 1, kind: "call", function: "net.socket:send", arguments: '"hello"', position: { file: "init.lua", line: 5 }, socket: 7 },
  { id: 2, cause: 1, at: 1010, host: 1, kind: "frame_sent", socket: 7, length: 59 },
  { id: 3, cause: 2, at: 3000, host: 0, kind: "frame_carried", frame: 2, from: 1 },
  { id: 4, cause: 3, at: 3200, host: 0, kind: "callback", event: "receive", position: { file: "init.lua", line: 9 }, arguments: '"hello"', socket: 2, due: 3010 },
  { id: 5, cause: 4, at: 3300, host: 0, kind: "call", function: "print", arguments: '"hello"', position: null, socket: null },
  { id: 6, cause: 4, at: 3700, host: 0, kind: "callback_end", callback: 4, ran: 500, error: null },
];

function logOf(records: readonly TraceRecord[] = story): TraceLog {
  const log = new TraceLog();
  log.append(records, [summary(2)]);
  return log;
}

describe("TraceLog", () => {
  it("leads a callback on one board back to the line on the other", () => {
    const chain = logOf().chain(4);
    expect(chain.map((record) => record.id)).toEqual([4, 3, 2, 1]);
  });

  it("joins a callback with its end and the calls inside it", () => {
    const callback = logOf().callback(4);
    expect(callback).toMatchObject({ dueAt: 3010, startedAt: 3200, endedAt: 3700, calls: [5] });
  });

  it("joins a frame with its arrivals and losses", () => {
    const log = logOf();
    log.append([{ id: 7, cause: 2, at: 4000, host: 0, kind: "frame_dropped", frame: 2, reason: "loss" }], []);
    expect(log.frame(2)?.arrivals).toEqual([{ record: 3, host: 0, at: 3000 }]);
    expect(log.frame(2)?.drops[0]?.reason).toBe("loss");
  });

  it("forgets the oldest records and says so", () => {
    const log = new TraceLog(100);
    const before = log.generation;
    log.append(Array.from({ length: 150 }, (_, index) => ({ id: index + 1, cause: null, at: index, host: 0, kind: "console", text: "x" }) as const), []);
    expect(log.records.length).toBe(75);
    expect(log.get(1)).toBeUndefined();
    expect(log.generation).toBeGreaterThan(before);
  });

  it("survives a cause that leads in a circle", () => {
    const log = new TraceLog();
    log.append([{ id: 1, cause: 2, at: 0, host: 0, kind: "console", text: "a" }, { id: 2, cause: 1, at: 0, host: 0, kind: "console", text: "b" }], []);
    expect(log.chain(1).length).toBe(2);
  });
});

describe("sentence", () => {
  it("says of a callback where it is and how long it waited", () => {
    const log = logOf();
    expect(sentence(story[3] as TraceRecord, log, nameOf)).toBe("server runs its “receive” callback at init.lua line 9 after waiting 190 µs, with \"hello\".");
  });

  it("takes a frame's sentence from its dissection", () => {
    expect(sentence(story[1] as TraceRecord, logOf(), nameOf)).toBe("The client sends the server 5 bytes.");
  });

  it("gives the reason of a silence", () => {
    const record: TraceRecord = { id: 9, cause: null, at: 0, host: 0, kind: "nothing", reason: "no_receive_handler", layer: "application", detail: "nobody handles “receive”.", socket: null };
    expect(sentence(record, logOf(), nameOf)).toBe("Nothing happens on server: nobody handles “receive”.");
  });
});

describe("filter", () => {
  it("finds words anywhere in a sentence, in any order", () => {
    const record = story[3] as TraceRecord;
    expect(matches(record, { categories: everything, text: "server RECEIVE" }, logOf(), nameOf)).toBe(true);
    expect(matches(record, { categories: everything, text: "receive client" }, logOf(), nameOf)).toBe(false);
  });

  it("counts pure acknowledgments and address questions as background", () => {
    const transport = { protocol: "tcp", sourcePort: 1, destinationPort: 2, payloadBytes: 0, flags: "ACK" } as const;
    expect(isBackground(summary(1, { transport }))).toBe(true);
    expect(isBackground(summary(1, { protocol: "ARP", transport: null }))).toBe(true);
    expect(isBackground(summary(1, { transport: { ...transport, flags: "SYN" } }))).toBe(false);
  });

  it("tests each item of a growing list once", () => {
    let tested = 0;
    const list = new FilteredList<number>();
    const isEven = (item: number): boolean => (tested++, item % 2 === 0);
    list.update([1, 2, 3], 0, 0, isEven);
    list.update([1, 2, 3, 4], 0, 0, isEven);
    expect(list.items).toEqual([2, 4]);
    expect(tested).toBe(4);
    list.update([4, 6], 1, 0, isEven);
    expect(list.items).toEqual([4, 6]);
  });
});

describe("echoes", () => {
  it("gives an end without a number to the oldest echo without an end", () => {
    const sent = [1, 2, 3].map((seq) => ({ id: seq, cause: null, at: seq * 1000, host: 0, kind: "ping_sent", target: "8.8.8.8", seq }) as const);
    const end = { cause: null, host: 0, kind: "ping_end", target: "8.8.8.8" } as const;
    const ends = [{ ...end, id: 10, at: 1500, seq: 0, rtt: null }, { ...end, id: 11, at: 2020, seq: 2, rtt: 20 }];
    expect(joinEchoes(sent, ends).map((echo) => echo.end?.id ?? null)).toEqual([10, 11, null]);
  });
});

describe("TimeScale", () => {
  it("gives every instant its place, in order, in both modes", () => {
    for (const mode of ["condensed", "even"] as const) {
      const scale = new TimeScale(mode);
      for (const time of [0, 5, 1000, 1_000_000, 60_000_000]) scale.add(time);
      const places = [0, 5, 500, 1000, 1_000_000, 30_000_000, 60_000_000].map((time) => scale.at(time));
      expect(places).toEqual([...places].sort((a, b) => a - b));
      expect(new Set(places).size).toBe(places.length);
      expect(scale.timeAt(scale.at(500_000))).toBeCloseTo(500_000, 0);
    }
  });

  it("lets a wait of a minute take only a few times a millisecond's width when condensed", () => {
    const scale = new TimeScale("condensed");
    scale.add(0);
    scale.add(1000);
    const short = scale.end;
    scale.add(60_001_000);
    expect(scale.end - short).toBeLessThan(5 * (short - scale.at(0)));
  });

  it("finds the first above", () => {
    expect(firstAbove([1, 3, 3, 5], 3)).toBe(3);
    expect(firstAbove([], 3)).toBe(0);
    expect(firstAboveBy([{ at: 1 }, { at: 4 }], 1, ({ at }) => at)).toBe(1);
  });
});

describe("TimelineModel", () => {
  const hosts = new Hosts();

  it("puts bars into the lane of their socket and calls into their bar", () => {
    const model = new TimelineModel(logOf(), hosts, { categories: everything, text: "" }, "condensed");
    model.update();
    const lane = model.laneOf(0, 2);
    expect(lane?.items.map((item) => [item.kind, item.label])).toEqual([["callback", "receive"], ["call", "print"]]);
    expect(lane?.items[1]?.inside?.id).toBe(4);
  });

  it("ends an arrow in the lane of what the arrival led to", () => {
    const log = logOf();
    const model = new TimelineModel(log, hosts, { categories: everything, text: "" }, "condensed");
    model.update();
    const arrival = log.frame(2)?.arrivals[0];
    expect(arrival && model.arrivalLane(arrival)).toBe(model.laneOf(0, 2));
  });

  it("gives a closed connection's lane to the next one", () => {
    const socket = (id: number, number: number, state: "established" | "closed"): TraceRecord => ({ id, cause: null, at: id * 100, host: 0, kind: "socket", socket: number, protocol: "tcp", local: null, remote: null, state });
    const log = new TraceLog();
    log.append([socket(1, 1, "established"), socket(2, 2, "established"), socket(3, 1, "closed"), socket(4, 3, "established")], []);
    const model = new TimelineModel(log, hosts, { categories: everything, text: "" }, "condensed");
    for (const _ of [0, 1]) model.update();
    expect(model.lanes.length).toBeLessThanOrEqual(3);
  });
});
