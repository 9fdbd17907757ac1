/**
 * Virtual time against wall time: how far the simulation may run by now.
 *
 * Speed and pause are anchored: a change sets the anchor to the present, so neither makes virtual time jump. An engine that cannot
 * keep up is told so by `settle`, which forgets the time lost instead of owing it for ever.
 */

/** Slowest and fastest speed that the page offers. */
export const speedMin = 0.1;
export const speedMax = 100;

/** Largest debt of virtual time, in wall milliseconds, that is made good after a hiccup. */
const lagWallMsMax = 100;

export class Pacing {
  #speed = 1;
  #paused = false;
  #anchorWallMs: number;
  #anchorMs = 0;

  constructor(wallMs: number) {
    this.#anchorWallMs = wallMs;
  }

  get speed(): number {
    return this.#speed;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The virtual time to run to when the wall clock reads `wallMs`. */
  target(wallMs: number): number {
    if (this.#paused) return this.#anchorMs;
    return this.#anchorMs + Math.max(0, wallMs - this.#anchorWallMs) * this.#speed;
  }

  setSpeed(speed: number, wallMs: number, nowMs: number): void {
    this.#anchor(wallMs, nowMs);
    this.#speed = Math.min(speedMax, Math.max(speedMin, speed));
  }

  setPaused(paused: boolean, wallMs: number, nowMs: number): void {
    this.#anchor(wallMs, nowMs);
    this.#paused = paused;
  }

  /** Virtual time has stood still until now, and nothing of that is owed. */
  skip(wallMs: number, nowMs: number): void {
    this.#anchor(wallMs, nowMs);
  }

  /** Says how far the engine really got; forgets what is too far behind to be made good. */
  settle(wallMs: number, nowMs: number): void {
    if (this.target(wallMs) - nowMs > lagWallMsMax * this.#speed || nowMs > this.target(wallMs)) this.#anchor(wallMs, nowMs);
  }

  #anchor(wallMs: number, nowMs: number): void {
    this.#anchorWallMs = wallMs;
    this.#anchorMs = nowMs;
  }
}
