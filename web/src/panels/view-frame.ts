/** What most views share: a bar of tools, the view itself, and the details of the selection beside it. */

import type { Session } from "../store/session.ts";
import { Inspector } from "./inspector.ts";
import type { PanelReport } from "./panel.ts";

export class ViewFrame {
  readonly dom = document.createElement("div");
  readonly tools = document.createElement("div");
  readonly main = document.createElement("div");
  readonly inspector: Inspector;

  constructor(session: Session, className: string) {
    this.dom.className = `view ${className}`;
    this.tools.className = "view-tools";
    this.main.className = "view-main";
    this.inspector = new Inspector(session);
    const body = document.createElement("div");
    body.className = "view-body";
    body.append(this.main, this.inspector.dom);
    this.dom.append(this.tools, body);
  }

  update(report: PanelReport): void {
    this.inspector.update(report);
  }

  destroy(): void {
    this.inspector.destroy();
    this.dom.remove();
  }
}
