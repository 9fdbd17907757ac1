/** The forms in which a lab stands in somebody's page, as text to paste there. Without DOM. */

import type { BoardLab, Lab } from "../engine/lab.ts";
import { labOf, mainBoard, type Snippet } from "./snippet.ts";

export interface Forms {
  /** The script's tag and the element. */
  readonly element: string;
  /** For places without scripts. */
  readonly frame: string;
  /** For places without frames. */
  readonly link: string;
}

const frameHeight = 480;

/** All forms of `lab`, whose fragment in links is `fragment`; `site` is the address of the playground's page, with a slash at its end. */
export function formsOf(lab: Lab, fragment: string, site: string): Forms {
  const title = escaped(lab.title || "A program to run");
  return {
    element: `<script async src="${escaped(site)}embed.js"></script>\n${elementOf(lab)}`,
    frame: `<iframe src="${escaped(site)}embed.html${fragment}" title="${title}" width="100%" height="${frameHeight}"></iframe>`,
    link: `<a href="${escaped(site)}${fragment}">${title}</a>`,
  };
}

function elementOf(lab: Lab): string {
  const snippet = snippetOf(lab);
  // A tag inside the JSON would end the script.
  if (!snippet) return `<nodemcu-playground>\n<script type="application/json">${JSON.stringify(lab).replaceAll("<", "\\u003c")}</script>\n</nodemcu-playground>`;
  const { title, profile, start, code } = snippet;
  const attributes = Object.entries({ title, profile, start: start === "auto" ? "" : start }).map(([name, value]) => (value === "" ? "" : ` ${name}="${escaped(value)}"`));
  // Markdown ends a piece of HTML at an empty line, so there is none.
  const text = escaped(code.replace(/\n+$/, "")).replace(/(?<=\n)\n/g, "&#10;");
  return `<nodemcu-playground${attributes.join("")}>\n<pre><code class="language-lua">${text}</code></pre>\n</nodemcu-playground>`;
}

/** The block of code that stands for exactly this lab, if there is one. */
function snippetOf(lab: Lab): Snippet | null {
  const [board, ...others] = lab.boards ?? [];
  if (!board || others.length > 0) return null;
  const { files = {}, behaviour, release, lua } = board;
  const code = files["example.lua"] ?? files["init.lua"];
  if (typeof code !== "string") return null;
  const profile = [behaviour, release, lua].filter((word) => word !== undefined && word !== null).join(" ");
  const about = { title: lab.title ?? "", code, setup: "", files: [], profile, pc: "" };
  const starts = ["auto", "boot", "online"] as const;
  return starts.map((start) => ({ ...about, start })).find((snippet) => isSame(labOf(snippet).lab, lab)) ?? null;
}

/** Whether two labs run alike. Which views are open, and what the only board is called, makes no difference. */
function isSame(one: Lab, other: Lab): boolean {
  const told = ({ title: _, views: __, boards = [], ...rest }: Lab): unknown => sorted({ ...rest, boards: boards.map((board: BoardLab) => ({ ...board, name: mainBoard })) });
  return JSON.stringify(told(one)) === JSON.stringify(told(other));
}

/** The same value with the fields of its objects in the order of their names, without those that are unset. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined && field !== null);
  return Object.fromEntries(fields.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, sorted(field)]));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
