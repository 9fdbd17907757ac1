/** The dialog "Connect": ways out of this page, one section each. */

import { html, render } from "lit";

import type { Session } from "../store/session.ts";
import { showDialog } from "../ui/dialog.ts";
import { RelaySection } from "./relay-section.ts";
import { roomSection } from "./room-section.ts";

export async function showConnect(session: Session): Promise<void> {
  const body = document.createElement("div");
  body.className = "dialog-body connect";
  const relay = new RelaySection(session);
  const draw = (): void => {
    relay.draw();
    render(html`${relay.dom}${roomSection(session, draw)}`, body);
  };
  draw();
  const timer = setInterval(draw, 500);
  await showDialog("Connect", () => html`${body}`, "wide");
  clearInterval(timer);
}
