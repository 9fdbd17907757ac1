/**
 * The timeline: callbacks as bars from due to end, the calls inside them, and arrows for the frames between hosts.
 *
 * Drawn on a canvas that stays in place while a sized element scrolls beneath it, so ten thousand records cost what is visible. The
 * transcript is its twin for those who do not see it; the arrow keys move the selection, which is read out.
 */

import { html, nothing, render } from "lit";

import type { Session } from "../store/session.ts";
import { sentence } from "../trace/describe.ts";
import { type Category, type Filter, isRefusedOutside } from "../trace/filter.ts";
import { span } from "../trace/format.ts";
import type { FrameView } from "../trace/log.ts";
import { firstAboveBy, type ScaleMode } from "../trace/time-scale.ts";
import { type Item, type Lane, socketTitle, TimelineModel } from "../trace/timeline-model.ts";
import { icon } from "../ui/icons.ts";
import { remPixels } from "../ui/rem.ts";
import { filterBar } from "./filter-bar.ts";
import { concerns, type Panel, type PanelReport } from "./panel.ts";
import { ViewFrame } from "./view-frame.ts";

/** Twenty things, not two thousand. */
const defaultCategories: readonly Category[] = ["callbacks", "calls", "frames", "silences"];
const zoomDefault = 36;
const zoomMin = 1.5;
const zoomMax = 200;

/** Room behind the newest thing, for its name. */
const tailPixels = 90;

/** Within a lane: the callback's name on top, the bar in the middle, the socket's name at the bottom. */
const barMiddle = 0.52;
const barShare = 0.38;

interface Box {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** A drawn arrow, for finding what the pointer is on. */
interface Stroke {
  readonly id: number;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** A name to write on an arrow once everything else is drawn. */
interface FrameName {
  readonly frame: FrameView;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly isFaint: boolean;
}

interface Palette {
  readonly [name: string]: string;
}

export class TimelinePanel implements Panel {
  readonly #frame: ViewFrame;
  readonly #scroll = document.createElement("div");
  readonly #sizer = document.createElement("div");
  readonly #canvas = document.createElement("canvas");
  readonly #tip = document.createElement("div");
  readonly #spoken = document.createElement("p");
  readonly #empty = document.createElement("p");
  readonly #model: TimelineModel;
  readonly #resize: ResizeObserver;
  readonly #scheme = matchMedia("(prefers-color-scheme: dark)");
  #filter: Filter = { categories: new Set(defaultCategories), text: "" };
  #zoom = zoomDefault;
  /** What the text is larger than usual by; the zoom is too. */
  #rem = 1;
  #follows = true;
  /** Where the area is scrolled to. Kept, because asking the element lays out whatever has changed. */
  #left = 0;
  #top = 0;
  #scheduled = 0;
  #palette: Palette | null = null;
  #boxes: Box[] = [];
  #strokes: Stroke[] = [];
  #texts: Box[] = [];
  #chain: ReadonlySet<number> = new Set();
  #size = { width: 0, height: 0, wide: 0, high: 0, gutter: 150, lane: 42, axis: 24, font: 11.5 };

  constructor(readonly session: Session) {
    this.#frame = new ViewFrame(session, "timeline");
    this.#scroll.className = "timeline-scroll";
    this.#scroll.tabIndex = 0;
    this.#scroll.setAttribute("role", "application");
    this.#scroll.setAttribute("aria-label", "Timeline of callbacks and frames. Arrow keys move the selection, plus and minus zoom, Enter shows the line. The transcript tells the same in words.");
    this.#tip.className = "timeline-tip";
    this.#tip.hidden = true;
    this.#spoken.className = "visually-hidden";
    this.#spoken.setAttribute("aria-live", "polite");
    this.#empty.className = "empty-note over";
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#sizer.append(this.#canvas);
    this.#scroll.append(this.#sizer);
    this.#frame.main.append(this.#scroll, this.#tip, this.#spoken, this.#empty);
    this.#model = new TimelineModel(session.log, session.hosts, this.#filter, "condensed");

    this.#scroll.addEventListener("scroll", () => {
      const { scrollLeft, scrollTop } = this.#scroll;
      if (scrollLeft >= this.#size.wide - this.#size.width - 40) this.#follow(true);
      else if (scrollLeft < this.#left - 1) this.#follow(false);
      this.#left = scrollLeft;
      this.#top = scrollTop;
      this.#schedule();
    });
    this.#scroll.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#scroll.addEventListener("keydown", (event) => this.#key(event));
    this.#scroll.addEventListener("pointermove", (event) => this.#hover(event));
    this.#scroll.addEventListener("pointerleave", () => {
      this.#tip.hidden = true;
    });
    this.#scroll.addEventListener("click", (event) => this.#click(event));
    this.#scroll.addEventListener("dblclick", () => this.#showLine());
    this.#resize = new ResizeObserver(() => this.#measure());
    this.#resize.observe(this.#scroll);
    this.#scheme.addEventListener("change", this.#forgetPalette);
    this.#drawTools();
  }

  get dom(): HTMLElement {
    return this.#frame.dom;
  }

  update(report: PanelReport): void {
    if (concerns(report, "settings")) this.#forgetPalette();
    if (concerns(report, "hosts")) this.#model.reset();
    if (concerns(report, "records", "hosts", "run")) {
      const hasNew = this.#model.update();
      if (this.#model.isBehind) this.session.note("records");
      this.#empty.hidden = this.#model.lanes.length > 0;
      this.#empty.textContent = this.session.hasRun
        ? "Nothing of what is shown here has happened yet. “Show” above chooses what is shown."
        : "Press Run: every callback appears here as a bar, every frame as an arrow.";
      if (hasNew) this.#fit();
    }
    if (concerns(report, "selection")) this.#select();
    this.#frame.update(report);
    if (concerns(report, "records", "hosts", "run", "selection")) this.#draw();
  }

  destroy(): void {
    cancelAnimationFrame(this.#scheduled);
    this.#resize.disconnect();
    this.#scheme.removeEventListener("change", this.#forgetPalette);
    this.#frame.destroy();
  }

  // ---- tools

  #drawTools(): void {
    const isEven = this.#model.scale.mode === "even";
    render(
      html`${filterBar(this.#filter, "Filter: receive, 192.168.1.101…", (filter) => this.#setFilter(filter))}
        <button class="button small" aria-pressed=${isEven} title="Draw waits in their true length" @click=${() => this.#setMode(isEven ? "condensed" : "even")}>True to time</button>
        <span class="spacer"></span>
        <div class="group zoom" role="group" aria-label="Zoom">
          <button class="button small icon-only" aria-label="Zoom out" @click=${() => this.#zoomBy(1 / 1.5)}>−</button>
          <button class="button small icon-only" aria-label="Zoom in" @click=${() => this.#zoomBy(1.5)}>+</button>
          <button class="button small" title="Fit everything into the window" @click=${() => this.#zoomToFit()}>All</button>
        </div>
        <button class="button small" aria-pressed=${this.#follows} title="Stay at the newest" @click=${() => this.#follow(!this.#follows, true)}>${icon("follow")}Follow</button>`,
      this.#frame.tools,
    );
  }

  #setFilter(filter: Filter): void {
    this.#filter = filter;
    this.#model.reset(filter);
    this.session.note("records");
    this.#fit();
    this.#schedule();
    this.#drawTools();
  }

  #setMode(mode: ScaleMode): void {
    this.#model.reset(this.#filter, mode);
    this.session.note("records");
    this.#zoom = (mode === "even" ? 6 : zoomDefault) * this.#rem;
    this.#fit();
    this.#schedule();
    this.#drawTools();
  }

  #follow(follows: boolean, jumps = false): void {
    if (follows && jumps) this.#scrollTo(Infinity);
    if (follows === this.#follows) return;
    this.#follows = follows;
    this.#drawTools();
  }

  #zoomBy(factor: number, anchorX = (this.#size.gutter + this.#size.width) / 2): void {
    const unit = (this.#left + anchorX - this.#size.gutter) / this.#zoom;
    this.#zoom = Math.min(zoomMax, Math.max(zoomMin, this.#zoom * factor));
    this.#fit();
    if (!this.#follows) this.#scrollTo(unit * this.#zoom + this.#size.gutter - anchorX);
    this.#schedule();
  }

  #zoomToFit(): void {
    const { width, gutter } = this.#size;
    this.#zoom = Math.min(zoomDefault * 2, Math.max(zoomMin, (width - gutter - tailPixels) / Math.max(1, this.#model.scale.end)));
    this.#fit();
    this.#schedule();
  }

  // ---- size and place

  #measure(): void {
    const rem = remPixels(this.#scroll) / 16;
    // Larger text wants as much more room along the line.
    this.#zoom *= rem / this.#rem;
    this.#rem = rem;
    const { clientWidth: width, clientHeight: height } = this.#scroll;
    if (width === 0) return;
    // A phone shows as many things as a larger window, only smaller.
    if (this.#size.width === 0 && width < 560 * rem) this.#zoom = 24 * rem;
    const gutter = Math.min(150 * rem, width * 0.3);
    this.#size = { ...this.#size, width, height, gutter, lane: 42 * rem, axis: 24 * rem, font: 11.5 * rem };
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    this.#fit();
    // An element that was out of the document comes back scrolled to its beginning.
    this.#scroll.scrollTo(this.#left, this.#top);
    this.#schedule();
  }

  /** Gives the scroll area the size of its content and, when following, shows its end. */
  #fit(): void {
    const { gutter, axis, width, height } = this.#size;
    const count = Math.max(1, this.#model.lanes.length);
    const rem = this.#size.font / 11.5;
    const lane = Math.min(50 * rem, Math.max(40 * rem, Math.floor((height - axis - 6) / count)));
    const wide = Math.round(Math.max(width, gutter + this.#model.scale.end * this.#zoom + tailPixels));
    const high = Math.round(Math.max(height, axis + this.#model.lanes.length * lane + 4));
    this.#size = { ...this.#size, lane, wide, high };
    this.#sizer.style.width = `${wide}px`;
    this.#sizer.style.height = `${high}px`;
    this.#scrollTo(this.#follows ? Infinity : this.#left);
  }

  /** Scrolls as far towards a place as the content reaches. */
  #scrollTo(left: number, top = this.#top): void {
    const { width, height, wide, high } = this.#size;
    const [nextLeft, nextTop] = [Math.max(0, Math.min(left, wide - width)), Math.max(0, Math.min(top, high - height))];
    if (nextLeft !== this.#left) this.#scroll.scrollLeft = this.#left = nextLeft;
    if (nextTop !== this.#top) this.#scroll.scrollTop = this.#top = nextTop;
  }

  #x(time: number): number {
    return this.#size.gutter + this.#model.scale.at(time) * this.#zoom - this.#left;
  }

  #laneTop(index: number): number {
    return this.#size.axis + index * this.#size.lane - this.#top;
  }

  // ---- drawing

  readonly #forgetPalette = (): void => {
    this.#palette = null;
    this.#measure();
  };

  #colours(): Palette {
    if (this.#palette) return this.#palette;
    const probe = document.createElement("span");
    this.#frame.dom.append(probe);
    const read = (name: string): string => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    const names = ["surface", "surface-2", "surface-3", "line", "line-strong", "text", "muted", "accent", "bad", "warn", "info", "focus", ...Array.from({ length: 12 }, (_, hue) => `hue-${hue}`)];
    const palette: { [name: string]: string } = Object.fromEntries(names.map((name) => [name, read(name)]));
    palette["font"] = getComputedStyle(this.#frame.dom).fontFamily;
    probe.remove();
    this.#palette = palette;
    return palette;
  }

  #schedule(): void {
    if (this.#scheduled !== 0) return;
    this.#scheduled = requestAnimationFrame(() => {
      this.#draw();
    });
  }

  #draw(): void {
    cancelAnimationFrame(this.#scheduled);
    this.#scheduled = 0;
    const context = this.#canvas.getContext("2d");
    const { width, height, gutter, lane: laneHeight, axis, font } = this.#size;
    if (!context || width === 0) return;
    const colours = this.#colours();
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = `${font}px ${colours["font"]}`;
    context.textBaseline = "middle";
    this.#boxes = [];
    this.#strokes = [];
    this.#texts = [];
    const names: FrameName[] = [];

    const { lanes, scale } = this.#model;
    const from = scale.timeAt((this.#left - 20) / this.#zoom);
    const to = scale.timeAt((this.#left + width - gutter + 20) / this.#zoom);
    const top = new Map(lanes.map((lane, index) => [lane.key, this.#laneTop(index)]));

    context.save();
    context.beginPath();
    context.rect(gutter, 0, width - gutter, height);
    context.clip();
    this.#drawAxis(context, colours, lanes);
    for (const lane of lanes) {
      const y = top.get(lane.key) ?? 0;
      if (y > height || y + laneHeight < axis) continue;
      this.#drawSocketNames(context, colours, lane, y);
    }
    this.#drawFrames(context, colours, top, from, to, names);
    for (const lane of lanes) {
      const y = top.get(lane.key) ?? 0;
      if (y > height || y + laneHeight < axis) continue;
      this.#drawItems(context, colours, lane, y, from, to);
    }
    for (const name of names) this.#drawFrameName(context, colours, name);
    context.restore();
    this.#drawGutter(context, colours, lanes);
  }

  #drawAxis(context: CanvasRenderingContext2D, colours: Palette, lanes: readonly Lane[]): void {
    const { width, height, gutter, axis, lane: laneHeight } = this.#size;
    const { scale } = this.#model;
    // Lanes of one host share a background.
    lanes.forEach((lane, index) => {
      const y = this.#laneTop(index);
      if (lane.slot === null) {
        context.fillStyle = colours["surface-2"] ?? "";
        context.fillRect(gutter, y, width - gutter, laneHeight);
      }
      context.fillStyle = colours["line"] ?? "";
      context.fillRect(gutter, y + laneHeight - 1, width - gutter, 1);
    });
    const left = this.#left / this.#zoom;
    const ticks = scale.ticks(left, left + (width - gutter) / this.#zoom, 88 / this.#zoom);
    context.fillStyle = colours["surface"] ?? "";
    context.fillRect(gutter, 0, width - gutter, axis);
    context.textAlign = "left";
    for (const tick of ticks) {
      const x = gutter + tick.unit * this.#zoom - this.#left;
      context.fillStyle = colours["line"] ?? "";
      context.fillRect(x, axis - 6, 1, height);
      context.fillStyle = colours["muted"] ?? "";
      context.fillText(tickText(tick.time), x + 3, axis / 2);
    }
    context.fillStyle = colours["line-strong"] ?? "";
    context.fillRect(gutter, axis - 1, width - gutter, 1);
  }

  #drawSocketNames(context: CanvasRenderingContext2D, colours: Palette, lane: Lane, y: number): void {
    const { gutter, width, lane: laneHeight, font } = this.#size;
    context.save();
    context.font = context.font.replace(/^[\d.]+px/, `${font * 0.87}px`);
    context.textAlign = "left";
    let end = width;
    for (let index = lane.sockets.length - 1; index >= 0; index--) {
      const stretch = lane.sockets[index];
      if (!stretch) continue;
      const begin = this.#x(stretch.at);
      if (begin > width) {
        end = begin;
        continue;
      }
      const text = socketTitle(this.session.log, lane.host, stretch.socket);
      const x = Math.max(gutter + 4, begin + 2);
      if (end - x > 40) {
        context.save();
        context.beginPath();
        context.rect(x, y, end - x - 6, laneHeight);
        context.clip();
        context.fillStyle = colours["muted"] ?? "";
        context.fillText(text, x, y + laneHeight - font * 0.7);
        context.restore();
      }
      if (begin < gutter) break;
      end = begin;
    }
    context.restore();
  }

  #drawFrames(context: CanvasRenderingContext2D, colours: Palette, top: ReadonlyMap<string, number>, from: number, to: number, names: FrameName[]): void {
    const { frames } = this.#model;
    const { lane: laneHeight } = this.#size;
    const middle = laneHeight * barMiddle;
    const start = Math.max(0, firstAboveBy(frames, from, (frame) => frame.sentAt) - 48);
    for (let index = start; index < frames.length; index++) {
      const frame = frames[index];
      if (!frame || frame.sentAt > to) break;
      const source = this.#model.laneOf(frame.host, frame.socket);
      if (!source) continue;
      const x1 = this.#x(frame.sentAt);
      const y1 = (top.get(source.key) ?? 0) + middle;
      const isChosen = this.#isInChain(frame.id) || frame.arrivals.some((arrival) => this.#isInChain(arrival.record));
      const hue = colours[`hue-${this.session.hosts.get(frame.host)?.hue ?? 8}`] ?? "";
      // A broadcast has an arrow to everybody, and its name once.
      let isNamed = false;
      for (const arrival of frame.arrivals) {
        const target = this.#model.arrivalLane(arrival);
        if (!target || target.key === source.key) continue;
        this.#arrow(context, colours, frame, x1, y1, this.#x(arrival.at), (top.get(target.key) ?? 0) + middle, hue, isChosen, false);
        if (isNamed) continue;
        isNamed = true;
        names.push({ frame, x1, y1, x2: this.#x(arrival.at), y2: (top.get(target.key) ?? 0) + middle, isFaint: this.#chain.size > 0 && !isChosen });
      }
      for (const drop of frame.drops) {
        const target = this.#model.laneOf(drop.host, null);
        const y2 = target && target.key !== source.key ? (y1 + (top.get(target.key) ?? 0) + middle) / 2 : y1 + laneHeight * 0.5;
        this.#arrow(context, colours, frame, x1, y1, this.#x(drop.at), y2, colours["bad"] ?? "", isChosen, true);
      }
    }
  }

  #arrow(context: CanvasRenderingContext2D, colours: Palette, frame: FrameView, x1: number, y1: number, x2: number, y2: number, hue: string, isChosen: boolean, isLost: boolean): void {
    context.save();
    context.globalAlpha = this.#chain.size > 0 && !isChosen ? 0.25 : 0.9;
    context.strokeStyle = isChosen && !isLost ? (colours["focus"] ?? "") : hue;
    context.fillStyle = context.strokeStyle;
    context.lineWidth = isChosen ? 2.6 : frame.summary.transport?.payloadBytes ? 1.6 : 1;
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
    const angle = Math.atan2(y2 - y1, x2 - x1);
    if (isLost) {
      context.lineWidth = 2;
      context.beginPath();
      for (const turn of [Math.PI / 4, -Math.PI / 4]) {
        context.moveTo(x2 - 5 * Math.cos(turn), y2 - 5 * Math.sin(turn));
        context.lineTo(x2 + 5 * Math.cos(turn), y2 + 5 * Math.sin(turn));
      }
      context.stroke();
    } else {
      context.beginPath();
      context.moveTo(x2, y2);
      context.lineTo(x2 - 8 * Math.cos(angle - 0.4), y2 - 8 * Math.sin(angle - 0.4));
      context.lineTo(x2 - 8 * Math.cos(angle + 0.4), y2 - 8 * Math.sin(angle + 0.4));
      context.fill();
    }
    context.restore();
    this.#strokes.push({ id: frame.id, x1, y1, x2, y2 });
  }

  /** A frame's name on its arrow, where there is room beside everything else. */
  #drawFrameName(context: CanvasRenderingContext2D, colours: Palette, { frame, x1, y1, x2, y2, isFaint }: FrameName): void {
    const { font, lane } = this.#size;
    if (this.#zoom < 14 || Math.abs(y2 - y1) < lane * 0.8) return;
    context.save();
    context.globalAlpha = isFaint ? 0.3 : 1;
    context.font = context.font.replace(/^[\d.]+px/, `${font * 0.87}px`);
    const text = frameName(frame);
    const width = context.measureText(text).width + 4;
    for (const share of [0.5, 0.3, 0.7]) {
      const [x, y] = [x1 + (x2 - x1) * share, y1 + (y2 - y1) * share];
      const box = { id: frame.id, x: x - width / 2, y: y - font * 0.6, w: width, h: font * 1.2 };
      if (this.#boxes.some((other) => overlap(box, other)) || this.#texts.some((other) => overlap(box, other))) continue;
      context.fillStyle = colours["surface"] ?? "";
      roundRect(context, box.x, box.y, box.w, box.h, 3);
      context.fill();
      context.fillStyle = colours["text"] ?? "";
      context.textAlign = "center";
      context.fillText(text, x, y + 0.5);
      this.#texts.push(box);
      break;
    }
    context.restore();
  }

  #drawItems(context: CanvasRenderingContext2D, colours: Palette, lane: Lane, y: number, from: number, to: number): void {
    const { items } = lane;
    const start = Math.max(0, firstAboveBy(items, from, (item) => item.at) - 24);
    const hue = colours[`hue-${this.session.hosts.get(lane.host)?.hue ?? 8}`] ?? "";
    let end = start;
    while (end < items.length && (items[end]?.at ?? 0) <= to) end++;
    // A label may reach as far as the next thing in its lane.
    for (let index = start; index < end; index++) {
      const item = items[index];
      if (!item) continue;
      const next = items.slice(index + 1, index + 12).find((other) => other.inside === null && (item.kind !== "callback" || other.kind === "callback"));
      const room = next ? this.#x(next.callback?.dueAt ?? next.at) - 4 : this.#size.width;
      context.globalAlpha = this.#chain.size > 0 && !this.#isInChain(item.id) ? 0.4 : 1;
      if (item.kind === "callback") this.#drawBar(context, colours, item, y, hue, room);
      else if (item.inside === null || !this.#filter.categories.has("callbacks")) this.#drawMark(context, colours, item, y, hue, room);
    }
    for (let index = start; index < end; index++) {
      const item = items[index];
      if (!item || item.inside === null || !this.#filter.categories.has("callbacks")) continue;
      context.globalAlpha = this.#chain.size > 0 && !this.#isInChain(item.id) ? 0.4 : 1;
      const next = items[index + 1];
      this.#drawCall(context, colours, item, y, next ? this.#x(next.at) : this.#size.width);
    }
    context.globalAlpha = 1;
  }

  #drawBar(context: CanvasRenderingContext2D, colours: Palette, item: Item, y: number, hue: string, room: number): void {
    const { callback } = item;
    if (!callback) return;
    const { lane: laneHeight, font } = this.#size;
    const height = laneHeight * barShare;
    const topY = y + laneHeight * (barMiddle - barShare / 2);
    const due = this.#x(callback.dueAt);
    const start = this.#x(callback.startedAt);
    const end = Math.max(start + 5, this.#x(callback.endedAt ?? Math.max(callback.startedAt, this.#model.scale.lastTime)));
    if (start - due > 2) {
      // Waiting: due, but something else was running.
      context.save();
      context.beginPath();
      context.rect(due, topY + height * 0.25, start - due, height * 0.5);
      context.clip();
      context.strokeStyle = hue;
      context.lineWidth = 1;
      context.beginPath();
      for (let x = due - height; x < start; x += 5) {
        context.moveTo(x, topY + height);
        context.lineTo(x + height, topY);
      }
      context.stroke();
      context.restore();
    }
    const isFailed = callback.error !== null;
    context.fillStyle = isFailed ? (colours["bad"] ?? "") : hue;
    roundRect(context, start, topY, end - start, height, 3);
    context.fill();
    if (item.id === this.session.selection) this.#ring(context, colours, start, topY, end - start, height);
    // A bar that begins out of sight has its name where it comes into sight.
    const textX = Math.max(start, this.#size.gutter + 4);
    const name = fittingName(context, item.label, room - textX - (isFailed ? font * 1.2 : 0));
    const text = isFailed ? `✕ ${name}` : name;
    if (text !== "" && end > this.#size.gutter) {
      const textY = topY - font * 0.62;
      context.textAlign = "left";
      context.fillStyle = isFailed ? (colours["bad"] ?? "") : (colours["text"] ?? "");
      context.fillText(text, textX, textY);
      this.#texts.push({ id: item.id, x: textX, y: textY - font * 0.6, w: context.measureText(text).width, h: font * 1.2 });
    }
    this.#boxes.push({ id: item.id, x: Math.min(due, start), y: topY, w: end - Math.min(due, start), h: height });
  }

  #drawCall(context: CanvasRenderingContext2D, colours: Palette, item: Item, y: number, next: number): void {
    const { lane: laneHeight, font } = this.#size;
    const height = laneHeight * barShare * 0.76;
    const topY = y + laneHeight * barMiddle - height / 2;
    const callbackEnd = item.inside?.endedAt ?? null;
    const x = this.#x(item.at);
    const end = Math.min(next, callbackEnd === null ? next : this.#x(callbackEnd)) - 2;
    const width = Math.max(4, end - x);
    context.fillStyle = colours["surface"] ?? "";
    roundRect(context, x, topY, width, height, 2);
    context.fill();
    if (item.id === this.session.selection) this.#ring(context, colours, x, topY, width, height);
    if (width > font * 2) {
      context.save();
      context.font = context.font.replace(/^[\d.]+px/, `${font * 0.87}px`);
      context.fillStyle = colours["text"] ?? "";
      context.textAlign = "left";
      context.fillText(fittingName(context, item.label, width - 5), x + 3, topY + height / 2 + 0.5);
      context.restore();
    }
    this.#boxes.push({ id: item.id, x, y: topY, w: width, h: height });
  }

  #drawMark(context: CanvasRenderingContext2D, colours: Palette, item: Item, y: number, hue: string, room: number): void {
    const { lane: laneHeight, font } = this.#size;
    const x = this.#x(item.at);
    const middle = y + laneHeight * barMiddle;
    const { glyph, colour } = markOf(item, hue, colours);
    context.textAlign = "left";
    context.fillStyle = colour;
    context.fillText(glyph, x - 3, middle + 0.5);
    const glyphWidth = font;
    const text = item.label;
    if (x + glyphWidth + context.measureText(text).width < room) {
      context.fillStyle = colours["text"] ?? "";
      context.fillText(text, x + glyphWidth, middle + 0.5);
      this.#texts.push({ id: item.id, x: x + glyphWidth, y: middle - font * 0.6, w: context.measureText(text).width, h: font * 1.2 });
    }
    const box: Box = { id: item.id, x: x - 5, y: middle - font * 0.7, w: font + 4, h: font * 1.4 };
    if (item.id === this.session.selection) this.#ring(context, colours, box.x, box.y, box.w, box.h);
    this.#boxes.push(box);
  }

  #ring(context: CanvasRenderingContext2D, colours: Palette, x: number, y: number, w: number, h: number): void {
    context.save();
    context.globalAlpha = 1;
    context.strokeStyle = colours["focus"] ?? "";
    context.lineWidth = 2.5;
    roundRect(context, x - 2, y - 2, w + 4, h + 4, 4);
    context.stroke();
    context.restore();
  }

  #drawGutter(context: CanvasRenderingContext2D, colours: Palette, lanes: readonly Lane[]): void {
    const { height, gutter, lane: laneHeight, axis, font } = this.#size;
    context.fillStyle = colours["surface"] ?? "";
    context.fillRect(0, 0, gutter, height);
    context.save();
    context.beginPath();
    context.rect(0, axis, gutter, height - axis);
    context.clip();
    context.textAlign = "left";
    lanes.forEach((lane, index) => {
      const y = this.#laneTop(index);
      if (y > height || y + laneHeight < axis) return;
      const host = this.session.hosts.get(lane.host);
      const hue = colours[`hue-${host?.hue ?? 8}`] ?? "";
      if (lane.slot === null) {
        context.fillStyle = colours["surface-2"] ?? "";
        context.fillRect(0, y, gutter, laneHeight);
        context.fillStyle = hue;
        context.fillText(host?.shape ?? "●", 8, y + laneHeight / 2);
        context.fillStyle = colours["text"] ?? "";
        context.save();
        context.font = `600 ${context.font}`;
        context.fillText(fitted(context, lane.title, gutter - 12 - font * 1.5), 8 + font * 1.5, y + laneHeight / 2);
        context.restore();
      } else {
        context.fillStyle = hue;
        context.fillRect(11, y, 2, laneHeight);
        context.fillStyle = colours["muted"] ?? "";
        context.fillText(lane.title, 8 + font * 1.5, y + laneHeight / 2);
      }
      context.fillStyle = colours["line"] ?? "";
      context.fillRect(0, y + laneHeight - 1, gutter, 1);
    });
    context.restore();
    context.fillStyle = colours["muted"] ?? "";
    context.fillText("virtual time", 8, axis / 2);
    context.fillStyle = colours["line-strong"] ?? "";
    context.fillRect(gutter - 1, 0, 1, height);
    context.fillRect(0, axis - 1, gutter, 1);
  }

  // ---- selection

  #isInChain(id: number): boolean {
    return this.#chain.has(id);
  }

  /** Takes over a selection made anywhere: its chain is emphasised, its place scrolled into sight. */
  #select(): void {
    const { log, selection, hosts } = this.session;
    const record = selection === null ? undefined : log.get(selection);
    const chain = new Set<number>();
    if (record) {
      for (const cause of log.chain(record.id)) chain.add(cause.id);
      for (const effect of log.effects(record.id)) chain.add(effect.id);
      if (record.kind === "callback_end") chain.add(record.callback);
    }
    this.#chain = chain;
    this.#spoken.textContent = record ? sentence(record, log, hosts.nameOf) : "";
    if (!record) return;
    const x = this.#x(record.at);
    const { gutter, width, height, axis, lane: laneHeight } = this.#size;
    if (x < gutter + 20) this.#follow(false);
    if (x < gutter + 20 || x > width - 60) this.#scrollTo(this.#left + x - (gutter + width) / 2);
    const lane = this.#model.laneOf(record.host, "socket" in record ? record.socket : null);
    const index = lane ? this.#model.lanes.indexOf(lane) : -1;
    if (index < 0) return;
    const y = this.#laneTop(index);
    if (y < axis) this.#scrollTo(this.#left, this.#top + y - axis);
    else if (y + laneHeight > height) this.#scrollTo(this.#left, this.#top + y + laneHeight - height);
  }

  #hit(event: MouseEvent): number | null {
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (x < this.#size.gutter) return null;
    for (let index = this.#boxes.length - 1; index >= 0; index--) {
      const found = this.#boxes[index];
      if (found && x >= found.x - 2 && x <= found.x + found.w + 2 && y >= found.y - 1 && y <= found.y + found.h + 1) return found.id;
    }
    let best: { readonly id: number; readonly distance: number } | null = null;
    for (const stroke of this.#strokes) {
      const distance = distanceTo(stroke, x, y);
      if (distance < 6 && (best === null || distance < best.distance)) best = { id: stroke.id, distance };
    }
    return best?.id ?? null;
  }

  #click(event: MouseEvent): void {
    const id = this.#hit(event);
    if (id !== null) this.#follow(false);
    this.session.select(id);
  }

  #hover(event: PointerEvent): void {
    if (event.pointerType === "touch") return;
    const id = this.#hit(event);
    const { log, hosts } = this.session;
    const record = id === null ? undefined : log.get(id);
    this.#scroll.style.cursor = record ? "pointer" : "";
    this.#tip.hidden = !record;
    if (!record) return;
    const callback = log.callback(record.id);
    const box = this.#frame.main.getBoundingClientRect();
    render(
      html`${sentence(record, log, hosts.nameOf)}${callback?.endedAt ? html`<br /><span class="muted">ran ${span(callback.endedAt - callback.startedAt)}</span>` : nothing}`,
      this.#tip,
    );
    const x = event.clientX - box.left;
    this.#tip.style.left = `${Math.min(x + 14, box.width - this.#tip.offsetWidth - 8)}px`;
    this.#tip.style.top = `${Math.min(event.clientY - box.top + 16, box.height - this.#tip.offsetHeight - 4)}px`;
  }

  #showLine(): void {
    const { log, selection, hosts } = this.session;
    const record = selection === null ? undefined : log.get(selection);
    if (record && "position" in record && record.position) {
      this.session.goTo({ board: hosts.nameOf(record.host), file: record.position.file, line: record.position.line });
    }
  }

  #wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX - this.#canvas.getBoundingClientRect().left);
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    switch (event.key) {
      case "ArrowRight":
        this.#move(1);
        break;
      case "ArrowLeft":
        this.#move(-1);
        break;
      case "ArrowDown":
        this.#moveLane(1);
        break;
      case "ArrowUp":
        this.#moveLane(-1);
        break;
      case "Home":
        this.session.select(this.#model.items[0]?.id ?? null);
        break;
      case "End":
        this.session.select(this.#model.items.at(-1)?.id ?? null);
        break;
      case "Enter":
        this.#showLine();
        break;
      case "Escape":
        this.session.select(null);
        break;
      case "+":
        this.#zoomBy(1.5);
        break;
      case "-":
        this.#zoomBy(1 / 1.5);
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  #move(step: number): void {
    const { items } = this.#model;
    const at = this.session.selection === null ? -1 : items.findIndex((item) => item.id === this.session.selection);
    const next = at < 0 ? (step > 0 ? items.at(-1) : items[0]) : items[Math.max(0, Math.min(items.length - 1, at + step))];
    if (next) this.session.select(next.id);
  }

  /** Goes to the nearest thing in the lane above or below. */
  #moveLane(step: number): void {
    const { lanes, items } = this.#model;
    const current = items.find((item) => item.id === this.session.selection);
    if (!current) return this.#move(1);
    const from = lanes.findIndex((lane) => lane.items.includes(current));
    for (let index = from + step; index >= 0 && index < lanes.length; index += step) {
      const lane = lanes[index];
      if (!lane || lane.items.length === 0) continue;
      const nearest = lane.items.reduce((best, item) => (Math.abs(item.at - current.at) < Math.abs(best.at - current.at) ? item : best));
      this.session.select(nearest.id);
      return;
    }
  }
}

/** What a frame is in a word or two: `SYN`, `GET /status`, `120 B`. */
function frameName({ summary }: FrameView): string {
  const { transport, protocol } = summary;
  if (protocol === "HTTP") return summary.summary.split(" ").slice(0, 2).join(" ").slice(0, 24);
  if (protocol === "TCP" && transport) {
    if (transport.payloadBytes > 0) return `${transport.payloadBytes} B`;
    const flags = (transport.flags ?? "").replaceAll(",", "");
    return flags === "ACK" ? "ACK" : flags.replace(/ ?ACK$/, (ack) => (flags.startsWith("SYN") ? ack : ""));
  }
  if (protocol === "UDP" && transport) return `${transport.payloadBytes} B`;
  return protocol;
}

function tickText(micros: number): string {
  if (micros >= 1_000_000) return `${(micros / 1e6).toFixed(4)} s`;
  return `${(micros / 1000).toFixed(micros < 100_000 ? 2 : 1)} ms`;
}

function markOf(item: Item, hue: string, colours: Palette): { readonly glyph: string; readonly colour: string } {
  const bad = colours["bad"] ?? "";
  const warn = colours["warn"] ?? "";
  switch (item.record.kind) {
    case "nothing":
      return { glyph: "⊘", colour: warn };
    case "uplink":
      return isRefusedOutside(item.record) ? { glyph: "⊘", colour: warn } : { glyph: "⇄", colour: hue };
    case "hint":
      return { glyph: "!", colour: warn };
    case "crash":
    case "call_failed":
      return { glyph: "✕", colour: bad };
    case "call":
      return { glyph: "▸", colour: hue };
    case "console":
      return { glyph: "›", colour: hue };
    default:
      return { glyph: "•", colour: hue };
  }
}

/** As much of `text` as fits into `width`. */
function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let length = text.length - 1;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length--;
  return `${text.slice(0, length)}…`;
}

/** The name, or its last part, if it fits into `room`; else nothing: a name cut off reads like another one. The tip has it in full. */
function fittingName(context: CanvasRenderingContext2D, name: string, room: number): string {
  if (context.measureText(name).width <= room) return name;
  const part = /[^.:]+$/.exec(name)?.[0] ?? "";
  return context.measureText(part).width <= room ? part : "";
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

function roundRect(context: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, radius: number): void {
  context.beginPath();
  context.roundRect(x, y, Math.max(0, w), Math.max(0, h), Math.min(radius, w / 2, h / 2));
}

function distanceTo({ x1, y1, x2, y2 }: Stroke, x: number, y: number): number {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - x1) * dx + (y - y1) * dy) / length));
  return Math.hypot(x - x1 - share * dx, y - y1 - share * dy);
}
