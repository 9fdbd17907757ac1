/** Menus and small forms that open beside their button: native popovers, placed inside the window. */

/** Opens `popover` (an element with the `popover` attribute) below or above `button`. */
export function openBeside(button: HTMLElement, popover: HTMLElement): void {
  popover.showPopover();
  const box = button.getBoundingClientRect();
  const own = popover.getBoundingClientRect();
  const gap = 6;
  const left = Math.max(gap, Math.min(box.left, window.innerWidth - own.width - gap));
  const below = box.bottom + gap;
  const fitsBelow = below + own.height <= window.innerHeight - gap;
  const top = fitsBelow ? below : Math.max(gap, box.top - own.height - gap);
  popover.style.left = `${left}px`;
  popover.style.top = `${top}px`;
  popover.style.maxHeight = `${window.innerHeight - top - gap}px`;
  const first = popover.querySelector<HTMLElement>("[autofocus], button, input, select, textarea, a[href]");
  first?.focus();
}

/** Lets arrow keys move among the items of a menu. */
export function moveInMenu(event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0 || event.target instanceof HTMLInputElement) return;
  const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("button:not([disabled]), a[href]")];
  const at = items.indexOf(event.target as HTMLElement);
  items[(at + step + items.length) % items.length]?.focus();
  event.preventDefault();
}

/** Roving focus for tabs: arrow keys move and choose, as the ARIA pattern for tabs asks. */
export function moveInTabs(event: KeyboardEvent): void {
  const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  const ends = event.key === "Home" ? 0 : event.key === "End" ? -1 : null;
  if (step === 0 && ends === null) return;
  const tabs = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role="tab"]')];
  const at = tabs.indexOf(event.target as HTMLElement);
  if (at < 0) return;
  const next = ends === null ? tabs[(at + step + tabs.length) % tabs.length] : tabs.at(ends);
  next?.focus();
  next?.click();
  event.preventDefault();
}
