import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { describe, expect, it } from "vitest";

import { ConsoleBuffer, placesIn } from "../src/store/console-buffer.ts";
import { boardNameProblem, boardsOf, fileNameProblem, fileNames, isLab, newLab, withBoardRenamed, withFile, withFileRenamed, withNewBoard, withoutBoard, withoutFile } from "../src/store/labs.ts";
import { defaultSettings, Library, type Store } from "../src/store/library.ts";
import { portNumber, relayAddress } from "../src/store/relay-address.ts";
import { fromFragment, NotALab, parseLab, toFragment } from "../src/store/share.ts";
import { examples } from "../src/examples/all.ts";
import { Pacing } from "../src/engine/pacing.ts";
import { DrawPace } from "../src/ui/draw-pace.ts";
import { breakpointLines, breakpointsOf, withBreakpoints } from "../src/store/breakpoints.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("ConsoleBuffer", () => {
  it("keeps complete lines and the open prompt apart", () => {
    const buffer = new ConsoleBuffer();
    buffer.write(bytes("hello\r\nwor"), 1);
    buffer.write(bytes("ld\r\n> "), 2);
    expect(buffer.lines.map((line) => line.text)).toEqual(["hello", "world"]);
    expect(buffer.lines[1]?.atMs).toBe(1);
    expect(buffer.open).toBe("> ");
  });

  it("understands backspace and a carriage return alone", () => {
    const buffer = new ConsoleBuffer();
    buffer.write(bytes("abc\b\bX\n10%\r20%"), 0);
    expect(buffer.lines[0]?.text).toBe("aX");
    expect(buffer.open).toBe("20%");
  });

  it("joins characters that arrive in pieces", () => {
    const buffer = new ConsoleBuffer();
    const snowman = bytes("☃\n");
    buffer.write(snowman.slice(0, 1), 0);
    buffer.write(snowman.slice(1), 0);
    expect(buffer.lines[0]?.text).toBe("☃");
  });

  it("keeps the newest lines only, and their numbers", () => {
    const buffer = new ConsoleBuffer(10);
    for (let line = 1; line <= 100; line++) buffer.write(bytes(`${line}\n`), line);
    expect(buffer.lines.length).toBeLessThanOrEqual(12);
    expect(buffer.lines.at(-1)).toMatchObject({ number: 100, text: "100" });
  });

  it("finds the places that a message names", () => {
    expect(placesIn("Lua error: \tinit.lua:3: oops\tstack main.lua:12:")).toMatchObject([
      { file: "init.lua", line: 3 },
      { file: "main.lua", line: 12 },
    ]);
  });
});

describe("labs", () => {
  const lab = newLab("A");

  it("lists init.lua first", () => {
    const changed = withFile(withFile(lab, "board", "a.lua", ""), "board", "z.txt", "");
    expect(fileNames(changed.boards?.[0] ?? { name: "" })).toEqual(["init.lua", "a.lua", "z.txt"]);
    expect(lab.boards?.[0]?.files?.["a.lua"]).toBeUndefined();
  });

  it("renames a board together with its link", () => {
    const renamed = withBoardRenamed({ ...lab, links: { board: { down: true } } }, "board", "anna");
    expect(renamed.links).toEqual({ anna: { down: true } });
    expect(withoutBoard(renamed, "anna").links).toEqual({});
  });

  it("finds a free name for a new board", () => {
    const once = withNewBoard(lab);
    expect(withNewBoard(once.lab).name).not.toBe(once.name);
  });

  it("refuses names that are taken, reserved or too long", () => {
    expect(boardNameProblem(lab, "pc", "board")).toMatch(/built-in/);
    expect(boardNameProblem(lab, "a b", "board")).not.toBeNull();
    expect(boardNameProblem(lab, "board", "board")).toBeNull();
    const board = lab.boards?.[0] ?? { name: "" };
    expect(fileNameProblem(board, "init.lua", "")).toMatch(/already/);
    expect(fileNameProblem(board, "x".repeat(32), "")).toMatch(/31/);
  });
});

describe("breakpoints", () => {
  const lab = withBreakpoints(withFile(newLab("Lab"), "board", "main.lua", "x = 1\n"), { board: "board", file: "main.lua", lines: [7, 3, 7] });

  it("are kept in order, once each, and leave no trace when the last is gone", () => {
    expect(breakpointLines(lab, "board", "main.lua")).toEqual([3, 7]);
    expect(withBreakpoints(lab, { board: "board", file: "main.lua", lines: [] })).not.toHaveProperty("views");
  });

  it("leave the page's other state alone", () => {
    const viewed = { ...lab, views: { ...lab.views, open: { board: "main.lua" } } };
    expect(withBreakpoints(viewed, { board: "board", file: "main.lua", lines: [] }).views).toEqual({ open: { board: "main.lua" } });
  });

  it("follow their board and file to other names, and go with them", () => {
    expect(breakpointLines(withBoardRenamed(lab, "board", "desk"), "desk", "main.lua")).toEqual([3, 7]);
    expect(breakpointLines(withFileRenamed(lab, "board", "main.lua", "web.lua"), "board", "web.lua")).toEqual([3, 7]);
    expect(breakpointsOf(withoutFile(lab, "board", "main.lua"))).toEqual([]);
    expect(breakpointsOf(withoutBoard(lab, "board"))).toEqual([]);
  });

  it("of a lab from elsewhere count only where they are well formed", () => {
    const odd = { ...newLab("Lab"), views: { breakpoints: { board: { "init.lua": [2, -1, "3", 0.5], "other.lua": 7 }, nothing: null } } };
    expect(breakpointsOf(odd)).toEqual([{ board: "board", file: "init.lua", lines: [2] }]);
    expect(breakpointsOf({ ...odd, views: { breakpoints: "all" } })).toEqual([]);
  });
});

describe("sharing", () => {
  it("brings a lab through a link", async () => {
    const lab = { ...newLab("Grüße ☃"), seed: 7 };
    const fragment = await toFragment(lab);
    expect(fragment).toMatch(/^#lab=[\w-]+$/);
    expect(await fromFragment(fragment)).toEqual(lab);
  });

  it("refuses a link that was cut off, and ignores other fragments", async () => {
    const fragment = await toFragment(newLab("A"));
    await expect(fromFragment(fragment.slice(0, -8))).rejects.toThrow(NotALab);
    expect(await fromFragment("#example=hello")).toBeNull();
  });

  it("refuses what is no lab", () => {
    expect(() => parseLab("{}")).toThrow(NotALab);
    expect(() => parseLab("nonsense")).toThrow(NotALab);
    expect(isLab({ version: 1, boards: [{ name: 1 }] })).toBe(false);
  });
});

describe("Library", () => {
  const memory = (): Store & { readonly map: Map<string, string> } => {
    const map = new Map<string, string>();
    return { map, getItem: (key) => map.get(key) ?? null, setItem: (key, value) => void map.set(key, value), removeItem: (key) => void map.delete(key) };
  };

  it("keeps labs, the newest first", () => {
    const library = new Library(memory(), () => undefined);
    library.save("a", newLab("A"), 1);
    library.save("b", newLab("B"), 2);
    expect(library.entries().map((entry) => entry.title)).toEqual(["B", "A"]);
    expect(library.load("a")?.title).toBe("A");
    expect(library.current()).toBe("b");
    library.remove("b");
    expect(library.load("b")).toBeNull();
  });

  it("says once when the browser keeps nothing", () => {
    const losses: string[] = [];
    const store = { ...memory(), setItem: () => { throw new Error("full"); } };
    const library = new Library(store, (reason) => losses.push(reason));
    library.save("a", newLab("A"), 1);
    library.save("a", newLab("A"), 2);
    expect(losses.length).toBe(1);
  });

  it("gives the defaults for settings that are damaged", () => {
    const store = memory();
    store.setItem("nodemcu-net-playground/settings", "{");
    expect(new Library(store, () => undefined).settings()).toEqual(defaultSettings);
  });
});

describe("examples", () => {
  it("have different names, a sentence to watch, and a program on every board", () => {
    expect(new Set(examples.map((example) => example.id)).size).toBe(examples.length);
    for (const { lab, id } of examples) {
      expect(lab.description?.length, id).toBeGreaterThan(40);
      expect(isLab(lab), id).toBe(true);
      for (const board of lab.boards ?? []) expect(board.files?.["init.lua"], id).toBeTypeOf("string");
    }
  });

  it("include every section of the manual that has one", () => {
    const sections = examples.flatMap((example) => example.section ?? []).join(" ");
    for (const name of ["createServer", "ifinfo", "server:close", "server:listen", "socket:dns", "socket:on", "socket:send", "socket:ttl", "udpsocket:send", "getdnsserver", "dns.resolve", "ping"]) expect(sections).toContain(name);
  });

  it("have the manual's programs as the test cases have them", () => {
    const cases = resolve(import.meta.dirname, "../../tests/cases/manual");
    const shown = new Set(examples.flatMap((example) => boardsOf(example.lab).flatMap((board) => Object.values(board.files ?? {}))));
    const missing = readdirSync(cases).filter((name) => !shown.has(readFileSync(join(cases, name, "board.lua"), "utf8")));
    // The three pings of one block are three examples. The note's handler would collect one piece only: the gallery has a program around it.
    expect(missing).toEqual(["ping_examples", "socket_on_buffer"]);
  });
});

describe("Pacing", () => {
  it("runs at its speed and does not jump when the speed changes", () => {
    const pacing = new Pacing(1000);
    expect(pacing.target(1100)).toBe(100);
    pacing.setSpeed(10, 1100, 100);
    expect(pacing.target(1100)).toBe(100);
    expect(pacing.target(1110)).toBe(200);
  });

  it("stands still while paused", () => {
    const pacing = new Pacing(0);
    pacing.setPaused(true, 50, 50);
    expect(pacing.target(5000)).toBe(50);
    pacing.setPaused(false, 5000, 50);
    expect(pacing.target(5010)).toBe(60);
  });

  it("owes nothing for the time of a stop", () => {
    const pacing = new Pacing(0);
    pacing.skip(5000, 1000);
    expect(pacing.target(5050)).toBe(1050);
  });

  it("forgets what is too far behind", () => {
    const pacing = new Pacing(0);
    pacing.settle(1000, 200);
    expect(pacing.target(1000)).toBe(200);
    pacing.settle(1050, 240);
    expect(pacing.target(1050)).toBe(250);
  });
});

describe("DrawPace", () => {
  /** How many of `frames` animation frames are drawn, when the frame after a drawing comes `afterMs` later and others 16 ms. */
  const drawn = (frames: number, afterMs: number, isUrgent = false): number => {
    const pace = new DrawPace();
    let now = 0;
    let count = 0;
    for (let frame = 0; frame < frames; frame++) {
      const isDrawn = pace.isDue(now, isUrgent);
      if (isDrawn) count++;
      now += isDrawn ? afterMs : 16;
    }
    return count;
  };

  it("draws in every frame while that is cheap", () => expect(drawn(60, 16)).toBe(60));

  it("leaves frames to the person where drawing is dear, and goes on drawing", () => {
    expect(drawn(60, 60)).toBeLessThan(25);
    expect(drawn(60, 60)).toBeGreaterThan(8);
  });

  it("draws at once what a person did", () => expect(drawn(60, 60, true)).toBe(60));

  it("returns to every frame when the load ends", () => {
    const pace = new DrawPace();
    let now = 0;
    for (let frame = 0; frame < 20; frame++) now += pace.isDue(now, false) ? 80 : 16;
    let count = 0;
    for (let frame = 0; frame < 300; frame++, now += 16) if (pace.isDue(now, false) && frame >= 240) count++;
    expect(count).toBe(60);
  });
});

describe("relayAddress", () => {
  it("understands a relay's address and that of the page it serves", () => {
    expect(relayAddress("ws://127.0.0.1:8266/", "abcd")).toEqual({ url: "ws://127.0.0.1:8266/wisp/abcd/", name: "ws://127.0.0.1:8266", code: "abcd" });
    expect(relayAddress("http://192.168.0.7:8266/#pair=abcd&room=x", "")).toMatchObject({ url: "ws://192.168.0.7:8266/wisp/abcd/", code: "abcd" });
    expect(relayAddress("wss://relay.example/some/path/", "")).toMatchObject({ url: "wss://relay.example/some/path/", code: null });
    expect(relayAddress("127.0.0.1:8266", "")).toMatchObject({ url: "ws://127.0.0.1:8266/wisp/" });
  });

  it("says what is wrong", () => {
    expect(relayAddress("gopher://x", "")).toMatch(/begins with ws/);
    expect(relayAddress("ws://", "")).toMatch(/not an address/);
    expect(portNumber("80")).toBe(80);
    expect(portNumber("0")).toMatch(/1 to 65535/);
  });
});
