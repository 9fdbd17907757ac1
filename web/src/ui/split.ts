/** Two panes with a bar between them that mouse, touch and arrow keys move. */

export interface SplitOptions {
  readonly direction: "row" | "column";
  readonly label: string;
  /** Share of the first pane, 0 to 1. */
  readonly share: number;
  readonly shareMin?: number;
  readonly shareMax?: number;
  readonly onChange: (share: number) => void;
}

export function split(first: HTMLElement, second: HTMLElement, options: SplitOptions): HTMLElement {
  const { direction, shareMin = 0.15, shareMax = 0.85 } = options;
  const dom = document.createElement("div");
  dom.className = `split split-${direction}`;
  const bar = document.createElement("div");
  bar.className = "split-bar";
  bar.tabIndex = 0;
  bar.setAttribute("role", "separator");
  bar.setAttribute("aria-label", options.label);
  bar.setAttribute("aria-orientation", direction === "row" ? "vertical" : "horizontal");
  bar.setAttribute("aria-valuemin", String(shareMin * 100));
  bar.setAttribute("aria-valuemax", String(shareMax * 100));
  dom.append(first, bar, second);

  let share = options.share;
  const set = (wanted: number): void => {
    share = Math.min(shareMax, Math.max(shareMin, wanted));
    dom.style.setProperty("--first", `${share}fr`);
    dom.style.setProperty("--second", `${1 - share}fr`);
    bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  };
  const change = (wanted: number): void => {
    set(wanted);
    options.onChange(share);
  };
  set(share);

  bar.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    bar.setPointerCapture(event.pointerId);
    const box = dom.getBoundingClientRect();
    const move = (to: PointerEvent): void =>
      set(direction === "row" ? (to.clientX - box.left) / box.width : (to.clientY - box.top) / box.height);
    bar.addEventListener("pointermove", move);
    const end = (): void => {
      bar.removeEventListener("pointermove", move);
      options.onChange(share);
    };
    bar.addEventListener("pointerup", end, { once: true });
    bar.addEventListener("pointercancel", end, { once: true });
  });
  bar.addEventListener("dblclick", () => change(options.share));
  bar.addEventListener("keydown", (event) => {
    const back = direction === "row" ? "ArrowLeft" : "ArrowUp";
    const forth = direction === "row" ? "ArrowRight" : "ArrowDown";
    const step = event.shiftKey ? 0.1 : 0.02;
    if (event.key === back) change(share - step);
    else if (event.key === forth) change(share + step);
    else if (event.key === "Home") change(shareMin);
    else if (event.key === "End") change(shareMax);
    else return;
    event.preventDefault();
  });
  return dom;
}
