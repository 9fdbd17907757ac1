/** Where the heavy part of an embedded playground comes from: each way of shipping the element has one of these. */

import type { Lab } from "../engine/lab.ts";
import type { Command, Notice } from "./interface.ts";
import type { SnippetLab } from "./snippet.ts";

export interface Delivery {
  /** Address of the playground's own page, for “open in the playground”; `null` where none is known. */
  readonly site: string | null;
  /** Loads editor, views and engine; later calls give the same promise. Rejects when it cannot be loaded, and can be called again. */
  load(): Promise<Runtime>;
}

/** What the heavy part offers. */
export interface Runtime {
  mount(place: Place): Player;
}

/** What a player is given. */
export interface Place {
  /** The box inside the shadow root that the player fills. */
  readonly box: HTMLElement;
  readonly root: ShadowRoot | Document;
  readonly content: SnippetLab;
  readonly title: string;
  /** The tabs that are open at first, as the `view` attribute has them. */
  readonly views: readonly string[];
  readonly site: string | null;
  notify(notice: Notice): void;
}

/** A mounted playground. */
export interface Player {
  readonly lab: Lab;
  send(command: Command): void;
  /** Puts the cursor into the program. */
  focus(): void;
  destroy(): void;
}
