/** What an author writes, and what becomes of it, without a browser. */

import { describe, expect, it } from "vitest";

import { dedent, labOf, profileOf, readPragma, readSettings, type Snippet, textFiles } from "../src/embed/snippet.ts";
import { luminanceOf } from "../src/embed/theme.ts";
import { fromFragment } from "../src/store/share.ts";

const snippet = (code: string, more: Partial<Snippet> = {}): Snippet => ({ title: "", code, setup: "", files: [], profile: "", start: "auto", pc: "", ...more });
const filesOf = (code: string, more: Partial<Snippet> = {}): readonly string[] => Object.keys(labOf(snippet(code, more)).lab.boards?.[0]?.files ?? {}).sort();

describe("the lab of a snippet", () => {
  it("runs a program without network at boot", () => {
    expect(labOf(snippet("print(1)")).lab.boards).toEqual([{ name: "board", files: { "init.lua": "print(1)" } }]);
  });

  it("waits for an address only for programs that use the network and do not wait themselves", () => {
    expect(filesOf("net.createConnection()")).toEqual(["example.lua", "init.lua"]);
    expect(filesOf("wifi.eventmon.register(1, net.x)")).toEqual(["init.lua"]);
    expect(filesOf("net.createConnection()", { start: "boot" })).toEqual(["init.lua"]);
    expect(filesOf("print(1)", { start: "online" })).toEqual(["example.lua", "init.lua"]);
  });

  it("runs set-up code before the program, and hides it", () => {
    const { lab, visible } = labOf(snippet("print(x)", { setup: "x = 1" }));
    expect(lab.boards?.[0]?.files).toEqual({ "init.lua": 'dofile("setup.lua")\ndofile("example.lua")\n', "setup.lua": "x = 1", "example.lua": "print(x)" });
    expect(visible).toEqual([{ board: "board", file: "example.lua" }]);
  });

  it("gives other boards their files and switches them on one after the other", () => {
    const files = [
      { board: "two", name: "init.lua", text: "print(2)", isHidden: false },
      { board: "three", name: "init.lua", text: "net.createConnection()", isHidden: true },
      { board: null, name: "words.lua", text: "", isHidden: true },
    ];
    const { lab, visible } = labOf(snippet("print(1)", { files }));
    expect(lab.boards?.map(({ name, powerOnMs, files }) => [name, powerOnMs, Object.keys(files ?? {}).sort()])).toEqual([
      ["board", undefined, ["init.lua", "words.lua"]],
      ["two", 2000, ["init.lua"]],
      ["three", 4000, ["init.lua", "program.lua"]],
    ]);
    expect(visible).toEqual([
      { board: "board", file: "init.lua" },
      { board: "two", file: "init.lua" },
    ]);
  });

  it("types the PC's commands when everybody is there, or when told", () => {
    const { lab } = labOf(snippet("print(1)", { pc: "curl a\n  9s ping b\n\nping c" }));
    expect(lab.inputs?.map(({ atMs, input }) => [atMs, input.type === "pcCommand" && input.line])).toEqual([
      [4000, "curl a"],
      [9000, "ping b"],
      [11000, "ping c"],
    ]);
  });
});

describe("the files of a lab", () => {
  it("begin with the one that the lab opens", () => {
    const { lab } = labOf(snippet("net.createConnection()"));
    expect(textFiles(lab).map(({ file }) => file)).toEqual(["example.lua", "init.lua"]);
    expect(textFiles({ version: 1, boards: [{ name: "a", files: { "init.lua": "", "b.bin": { base64: "" } } }] })).toEqual([{ board: "a", file: "init.lua" }]);
  });
});

describe("settings in words", () => {
  it("are a behaviour, a release and a Lua, in any order", () => {
    expect(profileOf("5.3, chip 2.x")).toEqual({ behaviour: "chip", release: "2.x", lua: "5.3" });
    expect(profileOf("nonsense")).toEqual({});
  });

  it("stand in a comment above the program, which goes", () => {
    expect(readPragma('-- playground: view=sequence autorun\n--playground: pc="a b\\nc"\nprint(1)\n-- playground: no\n')).toEqual({
      settings: { view: "sequence", autorun: "", pc: "a b\nc" },
      code: "print(1)\n-- playground: no\n",
    });
    expect(readSettings("")).toEqual({});
  });
});

describe("text in markup", () => {
  it("loses the indentation of the markup, and keeps its own", () => {
    expect(dedent("\n    if x then\n      y()\n\n    end\n  ")).toBe("if x then\n  y()\n\nend\n");
    expect(dedent("one\r\n  two")).toBe("one\n  two");
  });
});

describe("the colour behind an element", () => {
  it("counts by its light, and not at all when it lets light through", () => {
    expect(luminanceOf("rgb(255, 255, 255)")).toBeCloseTo(1);
    expect(luminanceOf("color(srgb 0 0 0)")).toBe(0);
    expect(luminanceOf("rgba(0, 0, 0, 0)")).toBe(null);
    expect(luminanceOf("transparent")).toBe(null);
  });
});

describe("a link written by hand", () => {
  it("holds a program", async () => {
    const lab = await fromFragment(`#lua=${encodeURIComponent('print("ü")')}`);
    expect(lab?.boards?.[0]?.files).toEqual({ "init.lua": 'print("ü")' });
    await expect(fromFragment("#lua=%")).rejects.toThrow("damaged");
  });
});
