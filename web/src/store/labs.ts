/** Labs as values: every change makes a new lab, so that autosave and comparison are cheap. */

import type { BoardLab, FileContent, Lab } from "../engine/lab.ts";
import { withBreakpointsOfBoard, withBreakpointsOfFile } from "./breakpoints.ts";

/** The form's version that the page writes; `crates/sim` reads no other. */
export const labVersion = 1;

/** Longest file name the board's flash takes (docs/behaviour.md, section 6.4). */
const fileNameLengthMax = 31;
/** Names that built-in hosts have. */
const reservedNames: readonly string[] = ["pc", "router", "internet"];

export function boardsOf(lab: Lab): readonly BoardLab[] {
  return lab.boards ?? [];
}

export function boardOf(lab: Lab, name: string): BoardLab | undefined {
  return boardsOf(lab).find((board) => board.name === name);
}

/** File names of a board: `init.lua` first, the others by name. */
export function fileNames(board: BoardLab): readonly string[] {
  return Object.keys(board.files ?? {}).sort((a, b) => Number(b === "init.lua") - Number(a === "init.lua") || a.localeCompare(b));
}

/** The text of a file, or `null` when there is none or it is not text. */
export function fileText(board: BoardLab, name: string): string | null {
  const content = board.files?.[name];
  return typeof content === "string" ? content : null;
}

export function withBoard(lab: Lab, name: string, change: (board: BoardLab) => BoardLab): Lab {
  return { ...lab, boards: boardsOf(lab).map((board) => (board.name === name ? change(board) : board)) };
}

export function withFile(lab: Lab, board: string, file: string, content: FileContent): Lab {
  return withBoard(lab, board, (old) => ({ ...old, files: { ...old.files, [file]: content } }));
}

export function withoutFile(lab: Lab, board: string, file: string): Lab {
  return withBoard(withBreakpointsOfFile(lab, board, file, null), board, (old) => ({ ...old, files: Object.fromEntries(Object.entries(old.files ?? {}).filter(([name]) => name !== file)) }));
}

export function withFileRenamed(lab: Lab, board: string, from: string, to: string): Lab {
  return withBoard(withBreakpointsOfFile(lab, board, from, to), board, (old) => ({
    ...old,
    files: Object.fromEntries(Object.entries(old.files ?? {}).map(([name, content]) => [name === from ? to : name, content])),
  }));
}

/** Renames a board together with what refers to it by name. */
export function withBoardRenamed(lab: Lab, from: string, to: string): Lab {
  const renamed = withBoard(withBreakpointsOfBoard(lab, from, to), from, (board) => ({ ...board, name: to }));
  const links = Object.entries(lab.links ?? {}).map(([name, link]) => [name === from ? to : name, link] as const);
  return links.length > 0 ? { ...renamed, links: Object.fromEntries(links) } : renamed;
}

/** A new board with a name that is free, and the lab that has it. */
export function withNewBoard(lab: Lab): { readonly lab: Lab; readonly name: string } {
  let count = boardsOf(lab).length + 1;
  while (boardOf(lab, `board${count}`)) count++;
  const name = `board${count}`;
  const board: BoardLab = { name, files: { "init.lua": newBoardProgram } };
  return { lab: { ...lab, boards: [...boardsOf(lab), board] }, name };
}

const newBoardProgram = `-- Runs when the board starts.
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info)
  print("my address is " .. info.IP)
end)
`;

export function withoutBoard(lab: Lab, name: string): Lab {
  const links = Object.fromEntries(Object.entries(lab.links ?? {}).filter(([host]) => host !== name));
  return { ...withBreakpointsOfBoard(lab, name, null), boards: boardsOf(lab).filter((board) => board.name !== name), links };
}

/** Why `name` cannot be a board's name, or `null`. */
export function boardNameProblem(lab: Lab, name: string, current: string): string | null {
  if (name === current) return null;
  if (!/^[A-Za-z][\w-]{0,23}$/.test(name)) return "A name begins with a letter and has up to 24 letters, digits, - and _.";
  if (reservedNames.includes(name)) return `“${name}” is the name of a built-in host.`;
  return boardOf(lab, name) ? `There is already a board called “${name}”.` : null;
}

/** Why `name` cannot be a file's name, or `null`. */
export function fileNameProblem(board: BoardLab, name: string, current: string): string | null {
  if (name === current) return null;
  if (name === "") return "A file needs a name.";
  if (new TextEncoder().encode(name).length > fileNameLengthMax) return `The board's flash takes names of up to ${fileNameLengthMax} characters.`;
  return board.files?.[name] === undefined ? null : `There is already a file called “${name}”.`;
}

/** An empty lab with one board. */
export function newLab(title: string): Lab {
  return { version: labVersion, title, boards: [{ name: "board", files: { "init.lua": newBoardProgram } }] };
}

/**
 * Checks that `value` has the shape of a lab as far as the page itself relies on it; the engine checks the rest and names the field.
 */
export function isLab(value: unknown): value is Lab {
  if (typeof value !== "object" || value === null) return false;
  const { version, boards } = value as { version?: unknown; boards?: unknown };
  if (version !== labVersion) return false;
  return boards === undefined || (Array.isArray(boards) && boards.every(isBoard));
}

function isBoard(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, files } = value as { name?: unknown; files?: unknown };
  return typeof name === "string" && (files === undefined || (typeof files === "object" && files !== null));
}
