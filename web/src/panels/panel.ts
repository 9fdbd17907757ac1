/** A panel owns its piece of the document: it gets data by `update` and takes away what it added by `destroy`. */

import type { Session, Topic } from "../store/session.ts";

/** What a panel is told, at most once per animation frame. */
export interface PanelReport {
  readonly session: Session;
  /** What has changed since the panel's last update; everything after it was hidden. */
  readonly topics: ReadonlySet<Topic>;
}

export interface Panel {
  readonly dom: HTMLElement;
  update(report: PanelReport): void;
  destroy(): void;
}

/** Whether one of `wanted` is among the report's topics. */
export function concerns(report: PanelReport, ...wanted: Topic[]): boolean {
  return wanted.some((topic) => report.topics.has(topic));
}
