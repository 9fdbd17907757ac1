/** Where a relay is, from what a person types or pastes: a WebSocket's address, or that of the page that the relay serves. */

export interface RelayAddress {
  /** For the WebSocket, with the pairing code. */
  readonly url: string;
  /** For people, without it. */
  readonly name: string;
  readonly code: string | null;
}

/** Reads an address; a string says what is wrong with it. */
export function relayAddress(text: string, code: string): RelayAddress | string {
  const trimmed = text.trim();
  let url: URL;
  try {
    url = new URL(/^\w+:\/\//.test(trimmed) ? trimmed : `ws://${trimmed}`);
  } catch {
    return "This is not an address.";
  }
  const scheme = { "ws:": "ws:", "wss:": "wss:", "http:": "ws:", "https:": "wss:" }[url.protocol];
  if (scheme === undefined || url.host === "") return "A relay's address begins with ws:// or wss://.";
  const own = code.trim() || pairingCode(url.hash) || null;
  const name = `${scheme}//${url.host}`;
  // Wisp servers tell their clients' paths by the slash at the end.
  const path = url.pathname === "/" ? `/wisp/${own === null ? "" : `${encodeURIComponent(own)}/`}` : url.pathname;
  return { url: `${name}${path}${url.search}`, name, code: own };
}

/** The pairing code in a page's fragment, as `playground serve` prints it. */
export function pairingCode(fragment: string): string | null {
  return /^#(?:.*&)?pair=([\w-]+)/.exec(fragment)?.[1] ?? null;
}

/** `8080` and `udp` as a port; a string says what is wrong. */
export function portNumber(text: string): number | string {
  const port = Number(text.trim());
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : "A port is a number from 1 to 65535.";
}
