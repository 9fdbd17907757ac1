/** Completion and hover help from the firmware's own table of names. No document is touched here. */

import type { ApiEntry } from "../generated/ApiEntry.ts";

/** What stands before the cursor. */
export interface NameAtCursor {
  /** `net.socket` of `net.socket:se`; empty for a bare name. */
  readonly owner: string;
  readonly separator: "." | ":" | "";
  readonly part: string;
}

const beforeCursor = /([A-Za-z_][\w.]*)?(?:([.:])\s*)?([A-Za-z_]\w*)?$/;

/** Reads the name that ends `text`. */
export function nameBefore(text: string): NameAtCursor {
  const chain = /(?:([A-Za-z_][\w.]*)([.:]))?([A-Za-z_]\w*)?$/.exec(text);
  if (!chain || !beforeCursor.test(text)) return { owner: "", separator: "", part: "" };
  return { owner: chain[1] ?? "", separator: (chain[2] as "." | ":" | undefined) ?? "", part: chain[3] ?? "" };
}

/** The last name of a path: `send` of `net.socket:send`. */
export function shortName(entry: ApiEntry): string {
  return entry.name.split(/[.:]/).at(-1) ?? entry.name;
}

/** The entries that can follow: members after a dot, methods of any object after a colon, modules else. */
export function candidates(api: readonly ApiEntry[], at: NameAtCursor): readonly ApiEntry[] {
  if (at.separator === ":") return api.filter((entry) => entry.kind === "method");
  if (at.separator === ".") {
    const prefix = `${at.owner}.`;
    return api.filter((entry) => entry.kind !== "method" && entry.name.startsWith(prefix) && !/[.:]/.test(entry.name.slice(prefix.length)));
  }
  return api.filter((entry) => !/[.:]/.test(entry.name));
}

/** What a name in a program may mean: `net.createServer` exactly, `:send` any method of that name. */
export function lookUp(api: readonly ApiEntry[], owner: string, separator: string, part: string): readonly ApiEntry[] {
  if (separator === ":") return api.filter((entry) => entry.kind === "method" && shortName(entry) === part);
  const name = separator === "." ? `${owner}.${part}` : part;
  return api.filter((entry) => entry.name === name && entry.kind !== "method");
}

/** Words of Lua itself, for completion. */
export const luaWords: readonly string[] =
  "and break do else elseif end false for function goto if in local nil not or repeat return then true until while assert collectgarbage coroutine dofile error getmetatable ipairs loadfile loadstring math next pairs pcall print rawequal rawget rawset require select setmetatable string table tonumber tostring type unpack xpcall".split(
    " ",
  );
