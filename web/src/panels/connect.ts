/** The dialog "Connect": ways out of this page, one section each. */

import { html, nothing, render } from "lit";

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
    // In a room, the router of whoever keeps it is the way out; this page's own is unplugged.
    const { isIn, keeper, self } = session.room;
    const hasRouter = !isIn || (keeper !== null && keeper === self);
    render(html`${hasRouter ? relay.dom : nothing}${roomSection(session, draw)}`, body);
  };
  draw();
  const timer = setInterval(draw, 500);
  await showDialog("Connect", () => html`${body}`, "wide");
  clearInterval(timer);
}
