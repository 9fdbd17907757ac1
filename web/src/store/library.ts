/**
 * The labs a person keeps in this browser, and the page's settings. Written at every change, so a closed tab loses nothing.
 *
 * Storage may be forbidden or full: then the page works on and says once that nothing is kept.
 */

import type { Lab } from "../engine/lab.ts";
import { isLab } from "./labs.ts";

/** One kept lab, as the list shows it. */
export interface LabEntry {
  readonly id: string;
  readonly title: string;
  readonly changedAt: number;
}

/** How a person likes the page. */
export interface Settings {
  readonly theme: "auto" | "light" | "dark";
  /** Percent of the normal text size: projectors want more. */
  readonly textSize: number;
  readonly timestamps: boolean;
  readonly layout: Readonly<{ [split: string]: number }>;
}

export const defaultSettings: Settings = { theme: "auto", textSize: 100, timestamps: false, layout: {} };

const prefix = "nodemcu-net-playground/";

/** The part of `Storage` that is needed; tests bring a map. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Library {
  #store: Store | null;

  constructor(
    store: Store | null,
    readonly onLoss: (reason: string) => void,
  ) {
    this.#store = store;
  }

  /** All kept labs, the newest first. */
  entries(): readonly LabEntry[] {
    const entries = this.#read("labs");
    return Array.isArray(entries) ? (entries as LabEntry[]).toSorted((a, b) => b.changedAt - a.changedAt) : [];
  }

  load(id: string): Lab | null {
    const lab = this.#read(`lab/${id}`);
    return isLab(lab) ? lab : null;
  }

  save(id: string, lab: Lab, changedAt: number): void {
    this.#write(`lab/${id}`, lab);
    const entry: LabEntry = { id, title: lab.title ?? "Untitled lab", changedAt };
    this.#write("labs", [entry, ...this.entries().filter((other) => other.id !== id)]);
    this.#write("current", id);
  }

  remove(id: string): void {
    this.#store?.removeItem(`${prefix}lab/${id}`);
    this.#write(
      "labs",
      this.entries().filter((entry) => entry.id !== id),
    );
  }

  /** The lab that was open last. */
  current(): string | null {
    const id = this.#read("current");
    return typeof id === "string" ? id : null;
  }

  settings(): Settings {
    const kept = this.#read("settings");
    return typeof kept === "object" && kept !== null ? { ...defaultSettings, ...(kept as Partial<Settings>) } : defaultSettings;
  }

  saveSettings(settings: Settings): void {
    this.#write("settings", settings);
  }

  #read(key: string): unknown {
    try {
      return JSON.parse(this.#store?.getItem(prefix + key) ?? "null");
    } catch {
      return null;
    }
  }

  #write(key: string, value: unknown): void {
    if (!this.#store) return;
    try {
      this.#store.setItem(prefix + key, JSON.stringify(value));
    } catch {
      this.#store = null;
      this.onLoss("This browser does not keep the page's data (storage is full or forbidden). Export the lab to keep it.");
    }
  }
}

/** The browser's storage, or `null` where it is forbidden. */
export function browserStore(): Store | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
