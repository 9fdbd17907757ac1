/** What the lists know of a frame; everything else is asked for when the frame is selected. */

import type { FrameSummary } from "../generated/FrameSummary.ts";

export type { FrameSummary } from "../generated/FrameSummary.ts";

/** The line of a frame of which nothing is known: too old, or not readable. */
export function unknownSummary(frame: number, from: number, length: number): FrameSummary {
  return { frame, sentMs: 0, from, source: "?", destination: "?", protocol: "?", summary: "", sentence: "A frame.", length, transport: null };
}

/** Names the conversation of a frame: the same both ways. */
export function flowOf({ source, destination, protocol, transport }: FrameSummary): string {
  const ends = transport ? [`${source}:${transport.sourcePort}`, `${destination}:${transport.destinationPort}`] : [source, destination];
  return `${transport?.protocol ?? protocol.toLowerCase()} ${ends.sort().join(" \u2194 ")}`;
}
