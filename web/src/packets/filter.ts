/**
 * The packet list's filter. Words that all must hold: `tcp`, `dns`; `port 80`; `host server` or `host 192.168.1.100`; `lost`;
 * `data` (carries a payload); `syn`, `fin`, `rst`; `not` before a word turns it round; anything else is looked for in the line.
 */

import type { FrameView } from "../trace/log.ts";

export type FrameTest = (frame: FrameView) => boolean;

/** Names of hosts with the addresses that belong to them. */
export interface HostNames {
  nameOf(host: number): string;
}

export function frameTest(text: string, hosts: HostNames): FrameTest {
  const words = text.toLowerCase().replace(/[=:]+(?=\S)/g, (match, at: number, all: string) => (/\b(port|host)$/.test(all.slice(0, at)) ? " " : match)).split(/\s+/).filter(Boolean);
  const tests: FrameTest[] = [];
  for (let index = 0; index < words.length; index++) {
    let word = words[index] ?? "";
    let isTurned = false;
    if ((word === "not" || word === "!") && index + 1 < words.length) {
      isTurned = true;
      word = words[++index] ?? "";
    } else if (word.startsWith("!") && word.length > 1) {
      isTurned = true;
      word = word.slice(1);
    }
    if (word === "and") continue;
    const value = words[index + 1];
    let test: FrameTest;
    if (word === "port" && value !== undefined && /^\d+$/.test(value)) {
      index++;
      test = hasPort(Number(value));
    } else if (word === "host" && value !== undefined) {
      index++;
      test = hasHost(value, hosts);
    } else test = wordTest(word, hosts);
    tests.push(isTurned ? (frame) => !test(frame) : test);
  }
  return (frame) => tests.every((test) => test(frame));
}

function hasPort(port: number): FrameTest {
  return ({ summary: { transport } }) => transport !== null && (transport.sourcePort === port || transport.destinationPort === port);
}

function hasHost(host: string, hosts: HostNames): FrameTest {
  return (frame) =>
    frame.summary.source === host ||
    frame.summary.destination === host ||
    hosts.nameOf(frame.host).toLowerCase() === host ||
    frame.arrivals.some((arrival) => hosts.nameOf(arrival.host).toLowerCase() === host);
}

const flags: ReadonlySet<string> = new Set(["syn", "fin", "rst", "psh", "ack"]);

function wordTest(word: string, hosts: HostNames): FrameTest {
  if (word === "lost") return (frame) => frame.drops.length > 0;
  if (word === "data") return (frame) => (frame.summary.transport?.payloadBytes ?? 0) > 0;
  if (word === "tcp" || word === "udp") return (frame) => frame.summary.transport?.protocol === word || frame.summary.protocol.toLowerCase() === word;
  if (flags.has(word)) return (frame) => frame.summary.transport?.flags?.toLowerCase().includes(word) ?? false;
  return (frame) => {
    const { source, destination, protocol, summary } = frame.summary;
    return `${protocol} ${source} ${destination} ${summary} ${hosts.nameOf(frame.host)}`.toLowerCase().includes(word);
  };
}
