/**
 * Virtual time as width. A run is mostly waiting: milliseconds of activity, then seconds of nothing. The *condensed* scale gives
 * each instant at which something happens its place and lets a wait grow only with its logarithm, so a class sees events instead of
 * emptiness; the *even* scale is true to time.
 *
 * Units are "em of the timeline": the view multiplies by its zoom. Adding instants at the end costs only those.
 */

export type ScaleMode = "condensed" | "even";

/** Width between two instants of the condensed scale, at least. */
const stepMin = 1;
/** What a tenfold longer wait adds. */
const perDecade = 0.55;
/** Waits up to this many microseconds count as none. */
const waitMin = 100;
/** Units for a second of the even scale. */
const unitsPerSecond = 100;

export class TimeScale {
  #times: number[] = [];
  #units: number[] = [];

  constructor(readonly mode: ScaleMode = "condensed") {}

  /** Width of everything known. */
  get end(): number {
    return this.#units.at(-1) ?? 0;
  }

  get lastTime(): number {
    return this.#times.at(-1) ?? 0;
  }

  /** Adds an instant; one before the last is placed between its neighbours and not kept. */
  add(time: number): void {
    const last = this.#times.at(-1);
    if (last === undefined) {
      this.#times.push(time);
      this.#units.push(stepMin);
      return;
    }
    if (time <= last) return;
    this.#times.push(time);
    this.#units.push(this.end + this.#width(time - last));
  }

  /** The place of a time. */
  at(time: number): number {
    const times = this.#times;
    if (times.length === 0) return 0;
    const index = firstAbove(times, time);
    if (index === 0) return (this.#units[0] ?? 0) - (this.mode === "even" ? (((times[0] ?? 0) - time) / 1e6) * unitsPerSecond : 0);
    const [t0, u0] = [times[index - 1] ?? 0, this.#units[index - 1] ?? 0];
    if (index === times.length) return u0 + this.#width(time - t0);
    const [t1, u1] = [times[index] ?? 0, this.#units[index] ?? 0];
    return u0 + ((time - t0) / (t1 - t0)) * (u1 - u0);
  }

  /** The time at a place. */
  timeAt(unit: number): number {
    const units = this.#units;
    if (units.length === 0) return 0;
    const index = firstAbove(units, unit);
    if (index === 0) return this.#times[0] ?? 0;
    if (index === units.length) return this.lastTime;
    const [t0, u0] = [this.#times[index - 1] ?? 0, units[index - 1] ?? 0];
    const [t1, u1] = [this.#times[index] ?? 0, units[index] ?? 0];
    return t0 + ((unit - u0) / (u1 - u0)) * (t1 - t0);
  }

  /** Marks for the axis: instants at least `apart` units from each other, between two places. */
  ticks(from: number, to: number, apart: number): { readonly time: number; readonly unit: number }[] {
    if (this.mode === "even") return this.#evenTicks(from, to, apart);
    const ticks: { time: number; unit: number }[] = [];
    let next = Math.ceil(from / apart) * apart;
    for (let index = firstAbove(this.#units, from - 1e-9); index < this.#units.length; index++) {
      const unit = this.#units[index] ?? 0;
      if (unit > to) break;
      if (unit < next) continue;
      ticks.push({ time: this.#times[index] ?? 0, unit });
      next = unit + apart;
    }
    return ticks;
  }

  #evenTicks(from: number, to: number, apart: number): { time: number; unit: number }[] {
    const wanted = (apart / unitsPerSecond) * 1e6;
    const power = 10 ** Math.floor(Math.log10(Math.max(1, wanted)));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= wanted) ?? wanted;
    const ticks: { time: number; unit: number }[] = [];
    const end = Math.min(this.timeAt(to), this.lastTime);
    for (let time = Math.ceil(this.timeAt(from) / step) * step; time <= end; time += step) ticks.push({ time, unit: this.at(time) });
    return ticks;
  }

  #width(wait: number): number {
    if (this.mode === "even") return (wait / 1e6) * unitsPerSecond;
    return stepMin + perDecade * Math.max(0, Math.log10(wait / waitMin));
  }
}

/** Index of the first number above `value` in an ascending list. */
export function firstAbove(list: readonly number[], value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The same for a list of things in ascending order of a number. */
export function firstAboveBy<Item>(list: readonly Item[], value: number, key: (item: Item) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = list[middle];
    if (item !== undefined && key(item) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
