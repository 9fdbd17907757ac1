/** Link faults: what the dials change, in the running simulation and in the lab. */

import type { Faults, LinkLab } from "../engine/lab.ts";
import type { Session } from "../store/session.ts";

/** The link of `host` as the lab has it now. */
export function linkOf(session: Session, host: string): LinkLab {
  return session.lab.links?.[host] ?? {};
}

export function isCut(session: Session, host: string): boolean {
  return linkOf(session, host).down === true;
}

/** Changes the link of `host`, at once and for later runs. */
export function setLink(session: Session, host: string, link: LinkLab): void {
  const others = Object.entries(session.lab.links ?? {}).filter(([name]) => name !== host);
  const own = isAsNew(link) ? [] : [[host, link] as const];
  session.input({ type: "link", host, link });
  const wasStale = session.isStale;
  session.edit({ ...session.lab, links: Object.fromEntries([...others, ...own]) });
  // The run has the change already.
  session.isStale = wasStale;
}

export function setLinkDown(session: Session, host: string, down: boolean): void {
  const { down: _, ...rest } = linkOf(session, host);
  setLink(session, host, down ? { ...rest, down } : rest);
}

/** Sets one fault, the same both ways. `undefined` gives the link's own value back. */
export function setFault(session: Session, host: string, name: keyof Faults, value: number | undefined): void {
  const link = linkOf(session, host);
  const both = (faults: Faults | undefined): Faults => {
    const { [name]: _, ...rest } = faults ?? {};
    return value === undefined ? rest : { ...rest, [name]: value };
  };
  setLink(session, host, { ...link, toHost: both(link.toHost), fromHost: both(link.fromHost) });
}

function isAsNew(link: LinkLab): boolean {
  return !link.down && Object.keys(link.toHost ?? {}).length === 0 && Object.keys(link.fromHost ?? {}).length === 0;
}
