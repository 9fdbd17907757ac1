/** Breakpoints as they are kept with a lab: lines (from 1) by board and file, among the page's own state in `views`. */

import type { Lab } from "../engine/lab.ts";
import type { FileBreakpoints } from "../engine/protocol.ts";

/** Where they stand among the views. */
const viewName = "breakpoints";

type ByFile = Readonly<{ [file: string]: readonly number[] }>;
type ByBoard = Readonly<{ [board: string]: ByFile }>;

/** All breakpoints of `lab`; what is not of their form, in a lab from elsewhere, counts as none. */
export function breakpointsOf(lab: Lab): readonly FileBreakpoints[] {
  const found: FileBreakpoints[] = [];
  for (const [board, files] of Object.entries(read(lab))) {
    for (const [file, lines] of Object.entries(files)) found.push({ board, file, lines });
  }
  return found;
}

export function breakpointLines(lab: Lab, board: string, file: string): readonly number[] {
  return read(lab)[board]?.[file] ?? [];
}

/** The lab with exactly these breakpoints in the file. */
export function withBreakpoints(lab: Lab, { board, file, lines }: FileBreakpoints): Lab {
  const all = read(lab);
  const sorted = [...new Set(lines)].sort((a, b) => a - b);
  return write(lab, { ...all, [board]: { ...all[board], [file]: sorted } });
}

/** The lab after one of its boards was given another name, or `null` to forget it. */
export function withBreakpointsOfBoard(lab: Lab, from: string, to: string | null): Lab {
  const { [from]: files, ...rest } = read(lab);
  return files === undefined ? lab : write(lab, to === null ? rest : { ...rest, [to]: files });
}

/** The lab after one of a board's files was given another name, or `null` to forget it. */
export function withBreakpointsOfFile(lab: Lab, board: string, from: string, to: string | null): Lab {
  const all = read(lab);
  const { [from]: lines, ...rest } = all[board] ?? {};
  return lines === undefined ? lab : write(lab, { ...all, [board]: to === null ? rest : { ...rest, [to]: lines } });
}

function read(lab: Lab): ByBoard {
  const boards: { [board: string]: ByFile } = {};
  for (const [board, files] of entriesOf(lab.views?.[viewName])) {
    const byFile: { [file: string]: readonly number[] } = {};
    for (const [file, lines] of entriesOf(files)) if (Array.isArray(lines)) byFile[file] = lines.filter((line) => Number.isSafeInteger(line) && line > 0);
    boards[board] = byFile;
  }
  return boards;
}

/** Boards and files without breakpoints leave no trace in the lab, nor does the last breakpoint. */
function write(lab: Lab, all: ByBoard): Lab {
  const kept = Object.entries(all).flatMap(([board, files]) => {
    const some = Object.entries(files).filter(([, lines]) => lines.length > 0);
    return some.length === 0 ? [] : [[board, Object.fromEntries(some)] as const];
  });
  const { [viewName]: _, ...views } = lab.views ?? {};
  if (kept.length > 0) return { ...lab, views: { ...views, [viewName]: Object.fromEntries(kept) } };
  if (Object.keys(views).length > 0) return { ...lab, views };
  const { views: __, ...rest } = lab;
  return rest;
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
