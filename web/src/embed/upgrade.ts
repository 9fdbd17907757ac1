/** Makes the Lua blocks of an existing page runnable where they stand. The page's markup is a generator's and stays as it is. */

import { elementName } from "./element.ts";
import { settingNames, settingsOfBlock, textOf } from "./markup.ts";
import { readPragma } from "./snippet.ts";

/** How generators mark a Lua block: by a class of the `code`, of the `pre`, or of a box around it. */
export const luaBlocks =
  "pre:has(> code.language-lua), pre:has(> code.lang-lua), pre:has(> code.lua), pre.language-lua, pre.lua, .language-lua pre, .highlight-lua pre, .highlight-source-lua pre, pre[data-lang='lua'], pre[data-language='lua']";

export interface UpgradeOptions {
  /** Which blocks are looked at; each match is a `pre` or a `textarea`, or holds one. */
  readonly selector?: string;
  /** Which of their programs become runnable; by default those that use `net`. */
  readonly matching?: RegExp;
  /** Settings for all of them, as attributes of the element; a block's own win. */
  readonly settings?: { readonly [name: string]: string };
}

const usesNet = /\bnet\s*\.\s*[A-Za-z_]/;
/** What keeps a block as it is. */
const exempt = ".no-playground, [data-playground='off']";

/** Puts an element in the place of every block below `root` that is a program; the block moves into it. Can be called again. */
export function upgrade(root: ParentNode = document, { selector = luaBlocks, matching = usesNet, settings = {} }: UpgradeOptions = {}): readonly HTMLElement[] {
  const found: HTMLElement[] = [];
  for (const match of root.querySelectorAll(selector)) {
    const block = match.matches("pre, textarea") ? match : match.querySelector("pre, textarea");
    if (!block || block.closest(`${elementName}, ${exempt}`) || block.querySelector(exempt)) continue;
    const program = textOf(block);
    if (!matching.test(program)) continue;
    const box = boxOf(block);
    // The author has put an element after this one.
    if (box.nextElementSibling?.matches(elementName)) continue;
    const own = { ...settings, ...settingsOfBlock(block), ...readPragma(program).settings };
    const element = document.createElement(elementName);
    for (const name of settingNames) {
      const value = own[name];
      if (value !== undefined) element.setAttribute(name, value);
    }
    box.before(element);
    element.append(box);
    found.push(element);
  }
  return found;
}

/** The outermost box that a generator drew around nothing but this block. */
function boxOf(block: Element): Element {
  const box = block.closest("[class*='language-'], [class*='highlight'], figure");
  return box && box.querySelectorAll("pre").length === 1 ? box : block;
}
