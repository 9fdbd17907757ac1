/** Times and hosts in words. */

/** A virtual time in microseconds as `12.345 678 s`, with `digits` decimals. */
export function seconds(micros: number, digits = 6): string {
  return (micros / 1_000_000).toFixed(digits);
}

/** A span of microseconds in the unit that suits it. */
export function span(micros: number): string {
  if (micros < 1000) return `${Math.round(micros)} µs`;
  if (micros < 100_000) return `${trim(micros / 1000, 2)} ms`;
  if (micros < 1_000_000) return `${Math.round(micros / 1000)} ms`;
  return `${trim(micros / 1_000_000, 2)} s`;
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** The page's clock: `1:02:03.456` or `2:03.456`. */
export function clock(millis: number): string {
  const whole = Math.floor(millis);
  const [hours, minutes, rest] = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60, whole % 60_000];
  const tail = `${String(Math.floor(rest / 1000)).padStart(2, "0")}.${String(rest % 1000).padStart(3, "0")}`;
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** `count` with its noun: `1 frame`, `2 frames`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
