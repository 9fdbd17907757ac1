/**
 * Reads what an author put into the document: the code block that an element stands around or after, the files beside it, and the
 * attributes; from any generator's markup.
 */

import type { Lab } from "../engine/lab.ts";
import { isLab } from "../store/labs.ts";
import { dedent, readPragma, type Snippet, type SnippetFile, type SnippetLab, labOf, profileOf, type Start, textFiles } from "./snippet.ts";

/** Settings that an author can give, as attributes, as `data-` attributes of a code block, or in a comment above the program. */
export const settingNames = ["autorun", "files", "height", "load", "pc", "profile", "setup", "start", "theme", "title", "view"] as const;
export type SettingName = (typeof settingNames)[number];
export type Settings = { readonly [Name in SettingName]?: string };

/** Everything an element is about. */
export interface Written {
  readonly code: string;
  readonly settings: Settings;
  readonly content: SnippetLab;
  /** Name of the visible program's file. */
  readonly shown: string;
}

const codeTags = "pre, textarea, script[type='text/lua'], script[type='text/x-lua'], template";
const besides = "[data-file], [data-board], [data-setup]";

/** Reads an element; `block` is the code block beside it, for an element that has none inside. */
export function readElement(element: Element, block: Element | null): Written {
  const inside = [...element.querySelectorAll(codeTags)];
  const main = inside.find((child) => !child.matches(besides)) ?? block;
  const attributes = Object.fromEntries(settingNames.flatMap((name) => (element.hasAttribute(name) ? [[name, element.getAttribute(name) ?? ""]] : [])));
  const json = element.querySelector("script[type='application/json']");
  const written = dedent(main ? textOf(main) : "").replace(/\n+$/, "");
  const { settings: above, code } = readPragma(written);
  const settings: Settings = { ...(main && settingsOfBlock(main)), ...above, ...attributes };
  const lab = json ? wholeLab(json.textContent ?? "") : null;
  if (lab) return fromLab(lab, settings);
  const files = [...inside.filter((child) => child.matches("[data-file], [data-board]")).map(readFile), ...readFiles(settings.files ?? "")];
  const setups = inside.filter((child) => child.matches("[data-setup]")).map((child) => dedent(textOf(child)));
  const setup = [...(settings.setup === undefined ? [] : [readSetup(settings.setup)]), ...setups].join("\n");
  return fromSnippet({ title: settings.title ?? "", code, setup, files, profile: settings.profile ?? "", start: (settings.start as Start | undefined) ?? "auto", pc: settings.pc ?? "" }, settings);
}

function fromSnippet(snippet: Snippet, settings: Settings): Written {
  const content = labOf(snippet);
  return { code: snippet.code, settings, content, shown: content.visible[0]?.file ?? "init.lua" };
}

/** A lab written out in full: every text file of it is visible. */
export function fromLab(given: Lab, settings: Settings): Written {
  const profile = profileOf(settings.profile ?? "");
  const lab: Lab = { ...given, boards: (given.boards ?? []).map((board) => ({ ...board, ...profile })) };
  const visible = textFiles(lab);
  const first = visible[0];
  const text = lab.boards?.find((board) => board.name === first?.board)?.files?.[first?.file ?? ""];
  return { code: typeof text === "string" ? text : "", settings, content: { lab, visible }, shown: first?.file ?? "init.lua" };
}

function wholeLab(json: string): Lab | null {
  try {
    const value: unknown = JSON.parse(json);
    return isLab(value) ? value : null;
  } catch {
    return null;
  }
}

/** The program in a code block: without line numbers, copy buttons and the like, which generators put beside the `code`. */
export function textOf(block: Element): string {
  if (block instanceof HTMLTextAreaElement) return block.value;
  if (block instanceof HTMLTemplateElement) return block.content.textContent ?? "";
  const code = block.matches("code") ? block : (block.querySelector("code") ?? block);
  return code.textContent ?? "";
}

/** Settings on a generated code block, its `code`, or the box that a generator puts around it. */
export function settingsOfBlock(block: Element): Settings {
  const found: { [name: string]: string } = {};
  for (const place of [block.closest("div, figure"), block, block.querySelector("code")]) {
    for (const name of settingNames) {
      const value = place?.getAttribute(`data-${name}`);
      if (value !== null && value !== undefined) found[name] = value;
    }
  }
  return found;
}

function readFile(child: Element): SnippetFile {
  const { file, board, hidden } = (child as HTMLElement).dataset;
  return { board: board ?? null, name: file ?? "init.lua", text: dedent(textOf(child)), isHidden: hidden !== undefined };
}

/** The `files` attribute: JSON, names and texts. */
function readFiles(json: string): SnippetFile[] {
  if (json === "") return [];
  try {
    return Object.entries(JSON.parse(json) as { [name: string]: string }).map(([name, text]) => ({ board: null, name, text, isHidden: false }));
  } catch {
    console.warn("nodemcu-playground: the attribute `files` is not JSON");
    return [];
  }
}

/** The `setup` attribute: Lua, or `#id` of an element of the page that holds it. */
function readSetup(value: string): string {
  if (!value.startsWith("#")) return value;
  const holder = document.getElementById(value.slice(1));
  return holder ? dedent(textOf(holder)) : "";
}
