/**
 * In which animation frames the page draws what a run reports: in every one while drawing is cheap, in fewer while it is not.
 *
 * A frame that comes late after a drawing is the only sign of what layout and painting cost, which no script can measure. Ten busy
 * boards then look the same at ten drawings a second, and a click still finds the page at rest.
 */

/** A frame later than this after a drawing was missed, in wall milliseconds: more than one frame of 60 a second. */
const lateWallMs = 22;
/** Longest wait between two drawings, in wall milliseconds. */
const waitWallMsMax = 100;
/** By how much the wait shrinks for each drawing that was in time. */
const easeWallMs = 4;

export class DrawPace {
  #wait = 0;
  #drewAt = -Infinity;
  #frameAt = 0;

  /** Whether to draw in the animation frame at `now`; what a person did is drawn at once. */
  isDue(now: number, isUrgent: boolean): boolean {
    if (this.#frameAt === this.#drewAt && now > this.#frameAt) {
      const gap = now - this.#drewAt;
      this.#wait = gap > lateWallMs ? Math.min(waitWallMsMax, Math.max(this.#wait, 2 * gap)) : Math.max(0, this.#wait - easeWallMs);
    }
    this.#frameAt = now;
    if (!isUrgent && now - this.#drewAt < this.#wait) return false;
    this.#drewAt = now;
    return true;
  }
}
