/** “Open in the playground”: the lab of an element travels in the link's fragment. */

import type { Lab } from "../engine/lab.ts";
import { toFragment } from "../store/share.ts";

/** A link to the playground's page that carries `lab`; its address is made when somebody is about to follow it. */
export function playgroundLink(site: string, lab: () => Lab, text: readonly (string | Element)[] = ["Open in the playground"]): HTMLAnchorElement {
  const link = document.createElement("a");
  link.className = "poster-link";
  link.append(...text);
  link.title = "Open in the playground";
  link.setAttribute("aria-label", "Open in the playground");
  link.target = "_blank";
  link.rel = "noopener";
  link.href = site;
  const prepare = (): void => void toFragment(lab()).then((fragment) => (link.href = site + fragment));
  for (const event of ["pointerenter", "focus", "touchstart"]) link.addEventListener(event, prepare, { passive: true });
  return link;
}
