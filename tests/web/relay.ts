/** A `playground serve` for tests: the command itself, on a free port of loopback. */

import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const root = resolve(import.meta.dirname, "../..");

/** The command, built when it is not there. */
export function playgroundCommand(): string {
  const given = process.env["PLAYGROUND_COMMAND"];
  if (given !== undefined) return resolve(given);
  const path = join(process.env["CARGO_TARGET_DIR"] ?? join(root, "target"), "debug", "playground");
  if (!existsSync(path)) execFileSync("cargo", ["build", "--quiet", "--package", "cli"], { cwd: root, stdio: "inherit" });
  return path;
}

export interface Relay {
  /** What it printed, a line each, up to the last word of its beginning. */
  readonly lines: readonly string[];
  readonly port: number;
  stop(): Promise<void>;
}

export async function startRelay(site: string, ...more: readonly string[]): Promise<Relay> {
  const child = spawn(playgroundCommand(), ["serve", "--port", "0", "--site", site, ...more], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line.startsWith("Ctrl-C")) break;
  }
  const port = Number(/:(\d+)\//.exec(lines.join("\n"))?.[1]);
  return {
    lines,
    port,
    stop: () => {
      child.kill("SIGINT");
      return ended;
    },
  };
}
