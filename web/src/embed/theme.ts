/**
 * Light or dark, as the page around is: generators switch by classes and attributes of their own, so what counts is the colour that is
 * really behind the element.
 */

/** Whether the page is dark where `element` stands. */
export function isDarkAround(element: Element): boolean {
  for (let place: Element | null = element.parentElement; place; place = place.parentElement ?? hostOf(place)) {
    const luminance = luminanceOf(getComputedStyle(place).backgroundColor);
    if (luminance !== null) return luminance < 0.4;
  }
  // Nothing is painted: the browser's own canvas shows, which follows the page's colour scheme.
  const scheme = getComputedStyle(document.documentElement).colorScheme;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)").matches;
  return scheme.includes("dark") && (prefersDark || !scheme.includes("light"));
}

function hostOf(element: Element): Element | null {
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}

/** 0 for black to 1 for white; `null` for a colour that lets what is behind show through. */
export function luminanceOf(colour: string): number | null {
  const parts = colour.match(/[\d.]+/g)?.map(Number) ?? [];
  const [red = 0, green = 0, blue = 0, alpha = 1] = parts;
  if (parts.length < 3 || alpha < 0.5) return null;
  // `color(srgb …)` counts to 1, `rgb(…)` to 255.
  const most = colour.startsWith("color") ? 1 : 255;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / most;
}

/** Calls `changed` when the page may have switched its colours; returns what ends that. */
export function watchTheme(changed: () => void): () => void {
  const soon = (): void => {
    changed();
    // Pages fade from one theme to the other.
    setTimeout(changed, 400);
  };
  const observer = new MutationObserver(soon);
  for (const place of [document.documentElement, document.body]) observer.observe(place, { attributes: true });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", soon);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", soon);
  };
}
