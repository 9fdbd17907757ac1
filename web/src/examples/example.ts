/** Examples: labs as data, each with one sentence on what to watch (the lab's description). */

import type { Lab } from "../engine/lab.ts";

export type ExampleGroup = "First steps" | "Servers and clients" | "Names and pings" | "What goes wrong" | "Lessons" | "From the manual";

export interface Example {
  /** Stands in links: `#example=web-server`. */
  readonly id: string;
  readonly group: ExampleGroup;
  /** Minutes until a class has seen the point. */
  readonly lab: Lab;
  /** The view and console tab that show it best. */
  readonly view?: string;
  readonly stage?: string;
  /** The manual's section, for its examples. */
  readonly section?: string;
}
