/** Records in plain sentences: the transcript, the details, and what a screen reader says. */

import type { TraceLog } from "./log.ts";
import { span } from "./format.ts";
import type { Position, TraceRecord } from "./record.ts";

/** Name of a host by its id. */
export type NameOf = (host: number) => string;

/** A short label for a bar, a row or a chip. */
export function label(record: TraceRecord): string {
  switch (record.kind) {
    case "boot":
      return "boot";
    case "crash":
      return "crash";
    case "input":
      return "input";
    case "call":
      return record.function.replace(/^net\.(socket|server|udpsocket):/, ":");
    case "call_failed":
      return "error";
    case "callback":
      return record.event;
    case "callback_end":
      return "end";
    case "console":
      return "print";
    case "socket":
      return record.state.replaceAll("_", "-").toUpperCase();
    case "frame_sent":
      return "frame";
    case "frame_carried":
      return "arrival";
    case "frame_dropped":
      return "lost";
    case "timer_set":
      return "timer set";
    case "dns_question":
      return `DNS ${record.name}?`;
    case "dns_answer":
      return record.addresses[0] ?? record.error ?? "no address";
    case "dhcp":
      return `DHCP ${record.message}`;
    case "address":
      return record.address ?? "no address";
    case "wifi":
      return "Wi-Fi";
    case "ping_sent":
      return `ping ${record.seq}`;
    case "ping_end":
      return record.rtt === null ? "ping lost" : span(record.rtt);
    case "pin":
      return `D${record.pin} ${record.high ? "high" : "low"}`;
    case "uplink":
      return `relay: ${record.event.replaceAll("_", " ")}`;
    case "nothing":
      return "nothing happened";
    case "hint":
      return "hint";
  }
}

/** One sentence about `record`. */
export function sentence(record: TraceRecord, log: TraceLog, nameOf: NameOf): string {
  const host = nameOf(record.host);
  switch (record.kind) {
    case "boot":
      return `${host} starts (${record.reason.replaceAll("_", " ")}).`;
    case "crash":
      return `${host} stops running: ${clean(record.message)}`;
    case "input":
      return `You: ${record.text}`;
    case "call":
      return `${host} calls ${callText(record.function, record.arguments)}${at(record.position)}.`;
    case "call_failed":
      return `The call on ${host} raises an error: ${record.error}`;
    case "callback":
      return `${host} runs its “${record.event}” callback${at(record.position)}${waited(record.due, record.at)}${record.arguments ? `, with ${record.arguments}` : ""}.`;
    case "callback_end": {
      const callback = log.callback(record.callback);
      const which = callback ? `The “${callback.event}” callback on ${host}` : `A callback on ${host}`;
      return record.error === null ? `${which} returns after ${span(record.ran)}.` : `${which} fails after ${span(record.ran)}: ${record.error}`;
    }
    case "console":
      return `${host} prints “${clean(record.text)}”.`;
    case "socket":
      return socketSentence(record, host);
    case "frame_sent":
      return log.frame(record.id)?.summary.sentence ?? `${host} sends a frame of ${record.length} bytes.`;
    case "frame_carried":
      return `The frame from ${nameOf(record.from)} arrives at ${host}${frameNote(record.frame, log)}.`;
    case "frame_dropped":
      return `A frame is lost on its way to ${host}: ${dropText(record.reason)}${frameNote(record.frame, log)}.`;
    case "timer_set":
      return `${host} sets timer ${record.timer} to ${span(Math.max(0, record.due - record.at))}${record.repeats ? ", again and again" : ""}.`;
    case "dns_question":
      return `${host} asks the name server ${record.server} for ${record.name}.`;
    case "dns_answer":
      return record.addresses.length > 0
        ? `${host} learns that ${record.name} is ${record.addresses.join(", ")}.`
        : `${host} gets no address for ${record.name}: ${record.error ?? "no answer"}.`;
    case "dhcp":
      return dhcpSentence(record.message, record.address, host, record.cause !== null && log.get(record.cause)?.kind === "frame_carried");
    case "address":
      return record.address === null ? `${host} loses its address.` : `${host} now has the address ${record.address}.`;
    case "wifi":
      return `${host}: ${record.text}.`;
    case "ping_sent":
      return `${host} pings ${record.target} (echo ${record.seq}).`;
    case "ping_end":
      return record.rtt === null
        ? `${host} gives up waiting for echo ${record.seq} from ${record.target}.`
        : `${host} has echo ${record.seq} back from ${record.target} after ${span(record.rtt)}.`;
    case "pin":
      return `Pin D${record.pin} of ${host} goes ${record.high ? "high" : "low"}.`;
    case "uplink":
      return `Relay: ${record.text}.`;
    case "nothing":
      return `Nothing happens on ${host}: ${record.detail}`;
    case "hint":
      return `Hint for ${host}: ${record.text}`;
  }
}

/** `net.socket:send` and `"hi"` as a call. */
export function callText(name: string, callArguments: string): string {
  return `${name}(${callArguments})`;
}

/** `, init.lua line 3` for a known position. */
function at(position: Position | null): string {
  return position ? ` at ${position.file} line ${position.line}` : "";
}

function waited(due: number, startedAt: number): string {
  return startedAt - due >= 100 ? ` after waiting ${span(startedAt - due)}` : "";
}

function clean(text: string): string {
  return text.replace(/\s+$/, "").replace(/\s*\n\s*/g, " ⏎ ");
}

function frameNote(id: number, log: TraceLog): string {
  const summary = log.frame(id)?.summary;
  return summary && summary.summary !== "" ? ` (${summary.protocol}: ${summary.summary})` : "";
}

function socketSentence(record: Extract<TraceRecord, { kind: "socket" }>, host: string): string {
  const remote = record.remote ? ` with ${record.remote.ip}:${record.remote.port}` : "";
  const port = record.local && record.local.port > 0 ? ` on port ${record.local.port}` : "";
  const which = `${record.protocol.toUpperCase()} socket ${record.socket} of ${host}`;
  switch (record.state) {
    case "listen":
      return `${which} listens${port}.`;
    case "bound":
      return `${which} is open${port}.`;
    case "established":
      return `${which} is connected${remote}.`;
    case "closed":
      return `${which} is closed.`;
    case "resolving":
      return `${which} waits for a name to be resolved.`;
    case "syn_sent":
      return `${which} asks for a connection${remote}.`;
    default:
      return `${which} is now in ${record.state.replaceAll("_", "-").toUpperCase()}${remote}.`;
  }
}

/** `isAsked`: a frame brought the message, so the host is the one that hands out addresses. */
function dhcpSentence(message: string, address: string | null, host: string, isAsked: boolean): string {
  switch (message) {
    case "discover":
      return isAsked ? `${host} is asked whether it hands out addresses.` : `${host} asks whether anyone hands out addresses.`;
    case "offer":
      return `${host}: the address ${address ?? "?"} is offered.`;
    case "request":
      return isAsked ? `${host} is asked for the address ${address ?? "that it offered"}.` : `${host} asks for the address ${address ?? "it was offered"}.`;
    case "ack":
      return `${host}: the address ${address ?? "?"} is granted.`;
    case "nak":
      return `${host}: the address is refused.`;
    default:
      return `${host}: DHCP ${message}.`;
  }
}

const dropTexts: Readonly<{ [reason: string]: string }> = {
  loss: "the link lost it",
  queue_full: "the link's queue was full",
  link_down: "the link is down",
  corrupted: "it was damaged and the checksum refused it",
  no_such_host: "no host has that address",
  no_nat_entry: "the router knows no connection it belongs to",
  ttl_expired: "its time to live ran out",
  malformed: "no host can read it",
  refused: "it was refused",
};

export function dropText(reason: string): string {
  return dropTexts[reason] ?? reason.replaceAll("_", " ");
}
