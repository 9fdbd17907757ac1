/**
 * Who this tab is in a room: a text that the browser keeps, so that a reload brings the same hardware addresses and with them the
 * same IP addresses. Each further tab of the browser has a seat of its own, as long as the browser has Web Locks; pages of plain http
 * have none, and a second tab there takes the seat of the first.
 */

const key = "nodemcu-net-playground/seat";

export interface Seat {
  readonly seat: string;
  readonly identity: number;
}

/** Takes a seat until the page goes. */
export async function takeSeat(): Promise<Seat> {
  const browser = browserSeat();
  let place = 0;
  if (typeof navigator.locks !== "undefined") while (!(await hold(`${key}-${place}`))) place++;
  const seat = `${browser}-${place}`;
  return { seat, identity: fnv(seat) };
}

function browserSeat(): string {
  const made = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    const kept = localStorage.getItem(key);
    if (kept !== null) return kept;
    localStorage.setItem(key, made);
  } catch {
    // Storage may be forbidden: then a reload is somebody new.
  }
  return made;
}

/** Holds a lock for as long as the page lives; says whether it was free. */
function hold(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    void navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise<void>(() => undefined);
    });
  });
}

/** FNV-1a, 32 bits: tells a few dozen members apart. */
export function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
