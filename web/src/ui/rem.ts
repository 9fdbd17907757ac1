/** The size that `rem` stands for in style sheets, for what scripts lay out. */

/**
 * Pixels of one `rem` at `dom`. On the page that is the root's text size; an embedded element has its own, in `--rem`, because the
 * text size of a foreign page's root means nothing there.
 */
export function remPixels(dom: Element): number {
  const own = Number.parseFloat(getComputedStyle(dom).getPropertyValue("--rem"));
  return own || Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}
