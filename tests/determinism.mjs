// Runs every case in wasm and compares console, trace and capture with those of the native build, byte for byte.
//
//   node tests/determinism.mjs [FOLDER OF pkg/]      expects pkg/ to be built (cargo xtask wasm)

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, statSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const pkg = resolve(process.argv[2] ?? join(root, "pkg"));
const untilMsDefault = 10_000;
/** Another slice than the native run's, for nothing may depend on it. */
const sliceMs = 50;

const engine = await import(pathToFileURL(join(pkg, "playground.js")).href);
engine.initSync({ module: readFileSync(join(pkg, "playground_bg.wasm")) });

const folder = mkdtempSync(join(tmpdir(), "playground-cases-"));
try {
  execFileSync("cargo", ["run", "--quiet", "--package", "e2e", "--bin", "write-cases", "--", folder], {
    cwd: root,
    stdio: "inherit",
  });
  const cases = casesBelow(folder);
  const failures = cases.flatMap((name) => differences(name).map((what) => `${name}: ${what}`));
  if (failures.length > 0) {
    console.error(failures.join("\n"));
    process.exitCode = 1;
  } else {
    console.log(`${cases.length} cases give the same bytes natively and in wasm`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Folders with a lab, by their path below `below`. */
function casesBelow(below) {
  const found = [];
  for (const entry of readdirSync(below).sort()) {
    const path = join(below, entry);
    if (!statSync(path).isDirectory()) continue;
    if (readdirSync(path).includes("lab.json")) found.push(relative(folder, path));
    else found.push(...casesBelow(path));
  }
  return found;
}

/** What differs between the native run of a case and its run here. */
function differences(name) {
  const file = (part) => readFileSync(join(folder, name, part));
  const labJson = file("lab.json").toString();
  const untilMs = JSON.parse(labJson).untilMs ?? untilMsDefault;
  const playground = new engine.Playground(labJson);
  const consoles = new Map();
  for (let nowMs = 0; nowMs < untilMs; ) {
    nowMs = Math.min(untilMs, nowMs + sliceMs);
    let report;
    do {
      report = playground.advance(nowMs, 1_000);
      for (const { host, bytes } of report.consoles) {
        consoles.set(host, Buffer.concat([consoles.get(host) ?? Buffer.alloc(0), bytes]));
      }
    } while (!report.reached);
  }
  const found = [];
  const trace = Buffer.from(playground.traceJson());
  if (!trace.equals(file("trace.jsonl"))) found.push(`the trace differs: ${firstDifference(file("trace.jsonl"), trace)}`);
  if (!Buffer.from(playground.pcapng()).equals(file("capture.pcapng"))) found.push("the capture differs");
  const names = new Map(playground.map().hosts.map((host) => [host.id, host.name]));
  const parts = [...consoles].sort(([one], [other]) => one - other);
  const text =
    parts.length === 1
      ? parts[0][1].toString()
      : parts.map(([host, bytes]) => `==== ${names.get(host)} ====\n${bytes.toString()}\n`).join("");
  if (text !== file("console.txt").toString()) found.push("the console differs");
  playground.free();
  return found;
}

/** The first line that differs. */
function firstDifference(native, wasm) {
  const natively = native.toString().split("\n");
  const here = wasm.toString().split("\n");
  const line = natively.findIndex((text, index) => text !== here[index]);
  return `line ${line + 1}\n  native: ${natively[line]}\n  wasm:   ${here[line]}`;
}
