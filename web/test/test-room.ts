import { describe, expect, it } from "vitest";

import type { ToHub } from "../src/generated/ToHub.ts";
import { readRoomLink, roomLink, RoomStore, roomUrl } from "../src/store/room.ts";
import { fnv } from "../src/store/seat.ts";
import type { Session } from "../src/store/session.ts";

describe("links to rooms", () => {
  it("are read as the command prints them", () => {
    const parts = readRoomLink("http://192.168.0.7:8266/#pair=abcd2345&room=workshop&teacher=t0ken");
    expect(parts).toEqual({ origin: "http://192.168.0.7:8266", pair: "abcd2345", room: "workshop", teacher: "t0ken" });
    expect(parts && roomUrl(parts)).toBe("ws://192.168.0.7:8266/room/abcd2345/workshop");
  });

  it("do not make others teachers", () => {
    const parts = readRoomLink("http://127.0.0.1:8266/#room=class&teacher=t0ken");
    expect(parts && roomLink(parts)).toBe("http://127.0.0.1:8266/#room=class");
  });

  it("may be the WebSocket's own address, or a relay's without a room", () => {
    expect(readRoomLink("ws://10.0.0.2:1/room/abcd/lab")).toEqual({ origin: "http://10.0.0.2:1", pair: "abcd", room: "lab", teacher: null });
    expect(readRoomLink("wss://relay.example/room/lab")).toEqual({ origin: "https://relay.example", pair: null, room: "lab", teacher: null });
    expect(readRoomLink("http://127.0.0.1:8266/#pair=abcd", "home")?.room).toBe("home");
  });

  it("are nothing else", () => {
    for (const text of ["", "hello", "http://127.0.0.1:8266/", "javascript:alert(1)#room=x", "http://a/#room=../x", `http://a/#room=${"x".repeat(65)}`]) expect(readRoomLink(text), text).toBeNull();
  });
});

describe("seats", () => {
  it("give the same number for the same text, and others for others", () => {
    expect(fnv("")).toBe(0x811c9dc5);
    expect(fnv("a")).toBe(0xe40c292c);
    expect(new Set(Array.from({ length: 1000 }, (_, index) => fnv(`seat-${index}`))).size).toBe(1000);
  });
});

/** A session that notes what a room makes of it. */
function session(): { readonly done: string[]; readonly told: ToHub[]; readonly room: RoomStore } {
  const done: string[] = [];
  const told: ToHub[] = [];
  const fake = {
    lab: { version: 1, title: "own" },
    remarks: [] as string[],
    boards: [],
    runErrors: [],
    consoles: new Map(),
    state: "running",
    client: { tell: (message: ToHub) => told.push(message), joinRoom: () => done.push("joins") },
    note: () => undefined,
    run: () => done.push("runs"),
    setSpeed: () => undefined,
    setPaused: (paused: boolean) => done.push(paused ? "pauses" : "goes on"),
    openLab: (lab: { readonly title?: string }) => done.push(`opens ${lab.title}`),
    input: (input: { readonly text?: string }) => done.push(`types ${input.text}`),
    writeFile: (board: string, file: string) => done.push(`writes ${board}/${file}`),
    restartBoard: (board: string) => done.push(`restarts ${board}`),
  };
  const room = new RoomStore(fake as unknown as Session);
  room.enter({ way: { kind: "tabs", name: "home" }, name: "Mia", seat: "s", identity: 7, token: null }, null);
  room.destroy();
  done.length = 0;
  return { done, told, room };
}

describe("a member of a room", () => {
  it("starts a lab that was handed out, but no nonsense", () => {
    const { done, room } = session();
    room.hear({ type: "lab", lab: { version: 1, title: "Lamps", boards: [] } });
    room.hear({ type: "lab", lab: "nonsense" });
    room.hear({ type: "welcome", member: 3, role: "member", paused: false, lab: { version: 7 } });
    expect(done).toEqual(["opens Lamps", "runs"]);
  });

  it("stands still while the room does, a lab that comes meanwhile included", () => {
    const { done, room } = session();
    room.hear({ type: "paused", paused: true });
    room.hear({ type: "lab", lab: { version: 1, title: "Lamps", boards: [] } });
    room.hear({ type: "paused", paused: false });
    expect(done).toEqual(["pauses", "opens Lamps", "runs", "pauses", "goes on"]);
  });

  it("shows its lab after a yes, again when it changes, and not after a no", () => {
    const { told, room } = session();
    room.hear({ type: "asked", teacher: 1, name: "Ada" });
    expect(room.asks).toEqual([{ teacher: 1, name: "Ada" }]);
    room.answer(1, "Ada", true);
    room.showAgain();
    room.answer(1, "Ada", false);
    room.showAgain();
    expect(told.map((message) => message.type)).toEqual(["answer", "shown", "shown", "answer"]);
  });

  it("lets a teacher type and change a file", () => {
    const { done, room } = session();
    room.hear({ type: "input", board: "lamp", text: "print(1)\n" });
    room.hear({ type: "write", board: "lamp", file: "init.lua", content: "" });
    expect(done).toEqual(["types print(1)\n", "writes lamp/init.lua", "restarts lamp"]);
  });

  it("forgets what it knew of those who left", () => {
    const { room } = session();
    const member = { id: 4, name: "Ben", role: "member" as const, hosts: [] };
    room.hear({ type: "roster", members: [member], keeper: null });
    room.hear({ type: "status", member: 4, boards: [] });
    room.ask(4);
    room.hear({ type: "roster", members: [], keeper: null });
    expect([room.boards.size, room.looks.size]).toEqual([0, 0]);
  });
});
