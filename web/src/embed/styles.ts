/** The page's style sheets, made fit for a shadow root. */

import embedCss from "./embed.css?inline";
import pageCss from "../styles/page.css?inline";

/**
 * Rewrites what a shadow root understands otherwise: the root is the playground's box, and `rem`, which would follow the foreign
 * page's root, is the box's own unit. Conditions of queries know no properties, so they count in sixteen pixels.
 */
export function forShadow(css: string): string {
  return css
    .replace(/@(?:media|container)[^{]+/g, (prelude) => prelude.replace(/([\d.]+)rem\b/g, (_, count: string) => `${Number(count) * 16}px`))
    .replace(/(-?[\d.]+)rem\b/g, "calc($1*var(--rem))")
    .replace(/:root\b/g, ".playground")
    .replace(/(^|[},])\s*(?:html|body)\b(?=[^{}]*\{)/g, "$1 .no-such-place");
}

let sheet: CSSStyleSheet | null = null;

/** Gives `root` the styles; all roots share one sheet. */
export function adoptStyles(root: DocumentOrShadowRoot): void {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(forShadow(`${pageCss}\n${embedCss}`));
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}
