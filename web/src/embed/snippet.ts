/**
 * What an author wrote, as data, and the lab it stands for. No document is touched here: the element, the manual's build and the tests
 * that run the manual's examples share it.
 */

import type { BoardLab, Lab } from "../engine/lab.ts";
import type { TimedInput } from "../generated/TimedInput.ts";

/** When a program starts: as `init.lua` at boot, or once the board has an address; `auto` looks at the program. */
export type Start = "auto" | "boot" | "online";

/** A file beside the program. */
export interface SnippetFile {
  /** `null` for the program's own board. */
  readonly board: string | null;
  readonly name: string;
  readonly text: string;
  /** Whether readers see it. */
  readonly isHidden: boolean;
}

export interface Snippet {
  readonly title: string;
  readonly code: string;
  /** Code that runs before the program and is not shown. */
  readonly setup: string;
  readonly files: readonly SnippetFile[];
  /** Words of the profile: a behaviour, a release, a version of Lua, in any order. */
  readonly profile: string;
  readonly start: Start;
  /** Command lines for the PC, one a line; `5s curl …` says when. */
  readonly pc: string;
}

/** A place that readers see as a tab. */
export interface VisibleFile {
  readonly board: string;
  readonly file: string;
}

export interface SnippetLab {
  readonly lab: Lab;
  readonly visible: readonly VisibleFile[];
}

/** Name of the board that runs the program. */
export const mainBoard = "board";

/** Boards after the first are switched on later, so that what they look for is there; virtual milliseconds. */
const powerOnMsApart = 2000;
/** When the PC's first command is typed, in virtual milliseconds: every board has its address by then. */
const pcFirstMs = 4000;
const pcMsApart = 2000;

/** Names whose use says that a program waits for the network by itself. */
const waitsItself = /\bwifi\s*\.\s*(eventmon|sta|setmode|ap|mode)\b/;

/** The lab of a snippet. */
export function labOf(snippet: Snippet): SnippetLab {
  const profile = profileOf(snippet.profile);
  const own = snippet.files.filter(({ board }) => board === null || board === mainBoard);
  const others = new Set(snippet.files.flatMap(({ board }) => (board === null || board === mainBoard ? [] : [board])));
  const main = program(snippet.code, snippet.setup, snippet.start);
  const boards: BoardLab[] = [{ name: mainBoard, ...profile, files: { ...main.files, ...filesOf(own) } }];
  for (const [index, name] of [...others].entries()) {
    const files = filesOf(snippet.files.filter(({ board }) => board === name));
    const { "init.lua": init, ...rest } = files;
    const started = init === undefined ? { files: {} } : program(init, "", "auto", "program.lua");
    boards.push({ name, ...profile, powerOnMs: powerOnMsApart * (index + 1), files: { ...started.files, ...rest } });
  }
  const inputs = pcInputs(snippet.pc, others.size);
  const lab: Lab = { version: 1, ...(snippet.title !== "" && { title: snippet.title }), boards, ...(inputs.length > 0 && { inputs }) };
  const visible = [
    { board: mainBoard, file: main.shown },
    ...snippet.files.filter(({ isHidden }) => !isHidden).map(({ board, name }) => ({ board: board ?? mainBoard, file: shownName(lab, board ?? mainBoard, name) })),
  ];
  return { lab: { ...lab, views: { open: { [mainBoard]: main.shown } } }, visible };
}

/** The text files of a whole lab, of each board first the one that the lab opens. */
export function textFiles(lab: Lab): readonly VisibleFile[] {
  const open = (lab.views?.["open"] ?? {}) as { readonly [board: string]: string };
  return (lab.boards ?? []).flatMap(({ name, files = {} }) => {
    const names = Object.keys(files).filter((file) => typeof files[file] === "string");
    return names.toSorted((a, b) => Number(b === open[name]) - Number(a === open[name])).map((file) => ({ board: name, file }));
  });
}

function filesOf(files: readonly SnippetFile[]): { [name: string]: string } {
  return Object.fromEntries(files.map(({ name, text }) => [name, text]));
}

/** Another board's `init.lua` may have been moved behind a starter: readers see the program. */
function shownName(lab: Lab, board: string, name: string): string {
  const files = lab.boards?.find((other) => other.name === board)?.files ?? {};
  return board !== mainBoard && name === "init.lua" && files["program.lua"] !== undefined ? "program.lua" : name;
}

/** The files that make a board run `code`, and the one of them that holds it. */
function program(code: string, setup: string, start: Start, name = "example.lua"): { readonly files: { readonly [name: string]: string }; readonly shown: string } {
  const waits = start === "online" || (start === "auto" && !waitsItself.test(`${setup}\n${code}`) && /\bnet\b|\bmqtt\b|\bhttp\b|\bsntp\b|\btls\b/.test(code));
  if (!waits && setup === "") return { files: { "init.lua": code }, shown: "init.lua" };
  const steps = setup === "" ? [name] : ["setup.lua", name];
  const files = { [name]: code, ...(setup !== "" && { "setup.lua": setup }) };
  return { files: { "init.lua": waits ? onlineStarter(steps) : bootStarter(steps), ...files }, shown: name };
}

const bootStarter = (names: readonly string[]): string => names.map((name) => `dofile("${name}")\n`).join("");

/** An error is printed, as it is at the console of a board that is already on the network; the board goes on. */
const onlineStarter = (names: readonly string[]): string => `-- Waits for an address, then runs the example.
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  wifi.eventmon.unregister(wifi.eventmon.STA_GOT_IP)
${names.map((name) => `  local ok, problem = pcall(dofile, "${name}")\n  if not ok then print(problem) end\n`).join("")}end)
`;

/** The settings that the words of a profile name. Words that mean nothing are passed over, as browsers do with attributes. */
export function profileOf(words: string): Pick<BoardLab, "behaviour" | "release" | "lua"> {
  const found: Pick<BoardLab, "behaviour" | "release" | "lua"> = {};
  for (const word of words.toLowerCase().split(/[\s,]+/)) {
    if (word === "manual" || word === "chip") found.behaviour = word;
    else if (word === "any" || word === "3.0" || word === "2.x") found.release = word;
    else if (word === "5.1" || word === "lua5.1") found.lua = "5.1";
    else if (word === "5.3" || word === "lua5.3") found.lua = "5.3";
  }
  return found;
}

function pcInputs(commands: string, others: number): TimedInput[] {
  let atMs = pcFirstMs + powerOnMsApart * others;
  const inputs: TimedInput[] = [];
  for (const line of commands.split("\n").map((text) => text.trim()).filter((text) => text !== "")) {
    const timed = /^(\d+(?:\.\d+)?)s\s+(.*)$/.exec(line);
    if (timed) atMs = Number(timed[1]) * 1000;
    inputs.push({ atMs, input: { type: "pcCommand", line: timed?.[2] ?? line } });
    atMs += pcMsApart;
  }
  return inputs;
}

/** Settings in a program's own first lines: `-- playground: view=sequence profile="chip 3.0"`. */
export interface Pragma {
  readonly settings: { readonly [name: string]: string };
  /** The program without those lines. */
  readonly code: string;
}

const pragmaLine = /^--\s*playground:[ \t]*(.*)(?:\r?\n|$)/;

/** Reads the settings that stand in comments above a program, for generators that cannot give a block attributes. */
export function readPragma(code: string): Pragma {
  const settings: { [name: string]: string } = {};
  let rest = code;
  for (let match = pragmaLine.exec(rest); match; match = pragmaLine.exec(rest)) {
    Object.assign(settings, readSettings(match[1] ?? ""));
    rest = rest.slice(match[0].length);
  }
  return { settings, code: rest };
}

/** `view=sequence autorun pc="curl http://192.168.1.100/"` as names and values; a bare name has an empty value. */
export function readSettings(text: string): { [name: string]: string } {
  const settings: { [name: string]: string } = {};
  for (const [, name = "", , double, single, bare] of text.matchAll(/([\w-]+)(=(?:"([^"]*)"|'([^']*)'|(\S+)))?/g)) {
    settings[name] = (double ?? single ?? bare ?? "").replaceAll("\\n", "\n");
  }
  return settings;
}

/** Text as an author means it inside markup: without the indentation of the markup and the line break after its tag. */
export function dedent(text: string): string {
  const lines = text.replaceAll("\r\n", "\n").replace(/^[ \t]*\n/, "").replace(/\n[ \t]*$/, "\n").split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  const common = indents.length > 0 ? Math.min(...indents) : 0;
  return lines.map((line) => line.slice(common)).join("\n");
}
