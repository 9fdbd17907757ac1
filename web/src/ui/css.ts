/**
 * Inline styles that a strict Content-Security-Policy allows: set through the object model, never as an attribute's text.
 *
 * Lit's own `styleMap` writes the attribute at the first rendering, which such a policy refuses.
 */

import { noChange } from "lit";
import { type AttributePart, Directive, directive, type PartInfo, PartType } from "lit/directive.js";

class Css extends Directive {
  #text = "";

  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ATTRIBUTE || part.name !== "style") throw new Error("css() stands in style=${...}");
  }

  render(_text: string): unknown {
    return noChange;
  }

  override update(part: AttributePart, [text]: [string]): unknown {
    if (text !== this.#text) (part.element as HTMLElement | SVGElement).style.cssText = this.#text = text;
    return noChange;
  }
}

/** `style=${css("left:10%")}`: the whole inline style of the element. */
export const css = directive(Css);
