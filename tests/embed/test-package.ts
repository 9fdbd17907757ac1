/** The npm package as a stranger has it: packed, installed into an empty project, used from Node, from TypeScript and from a bundler. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { addressOf, Harness, serve } from "../web/harness.ts";
import { playgrounds, runUntil, visit } from "./author.ts";

const root = resolve(import.meta.dirname, "../..");
const bin = join(root, "web/node_modules/.bin");
let project: string;

const run = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_ENV: "production", npm_config_loglevel: "error" } });

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "playground-package-"));
  execFileSync("npm", ["pack", "--silent", "--pack-destination", project], { cwd: join(root, "pkg"), stdio: ["ignore", "ignore", "inherit"] });
  const packed = readdirSync(project).find((name) => name.endsWith(".tgz")) ?? "";
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');
  run("npm", "install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", `./${packed}`);
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

const lab = { version: 1, boards: [{ name: "board", files: { "init.lua": 'print("sum " .. 6 * 7)' } }], checks: [{ type: "consoleContains", text: "sum 42" }, { type: "consoleContains", text: "sum 43" }] };

describe("in Node", () => {
  it("runs a lab in a test", () => {
    writeFileSync(
      join(project, "lab.js"),
      `import { labOf, runLab } from "nodemcu-net-playground/lab";
       const { consoles, checks, passed, nowMs, records, pcapng } = await runLab(${JSON.stringify(lab)}, { untilMs: 2000 });
       const { lab } = labOf({ title: "", code: "print(net.ifinfo(0).ip)", setup: "", files: [], profile: "chip", start: "auto", pc: "" });
       const online = (await runLab(lab)).consoles.board;
       let refused = "";
       try { await runLab({ version: 1, boards: 3 }) } catch (error) { refused = error.message }
       console.log(JSON.stringify({ sum: consoles.board.includes("sum 42"), states: checks.map((check) => check.state), passed, nowMs, hasRecords: records.length > 10, hasFrames: pcapng.length > 1000, online: online.includes("192.168.1.100"), refused }));`,
    );
    expect(JSON.parse(run("node", "lab.js"))).toMatchObject({ sum: true, states: ["passed", "failed"], passed: false, nowMs: 2000, hasRecords: true, hasFrames: true, online: true, refused: expect.stringContaining("boards") });
  });

  it("gives the engine itself", () => {
    writeFileSync(join(project, "engine.js"), `import init, { check } from "nodemcu-net-playground"; await init(); console.log(check("init.lua", "print(", "5.1")[0].message);`);
    expect(run("node", "engine.js")).toContain("init.lua:1:");
  });
});

describe("in TypeScript", () => {
  it("is typed", () => {
    writeFileSync(
      join(project, "typed.ts"),
      `import { runLab, type LabRun } from "nodemcu-net-playground/lab";
       import { configure, type Command, type PlaygroundElement } from "nodemcu-net-playground/element";
       configure({ site: "https://play.example/" });
       const element: PlaygroundElement | null = document.querySelector("nodemcu-playground");
       const command: Command = { type: "setFiles", files: { "init.lua": "" } };
       element?.send(command);
       document.addEventListener("playground-console", ({ detail }) => detail.text.length);
       export const run: Promise<LabRun> = runLab({ version: 1 });
       // @ts-expect-error There is no such command.
       element?.send({ type: "fly" });`,
    );
    run(join(bin, "tsc"), "--noEmit", "--strict", "--target", "ES2023", "--module", "ESNext", "--moduleResolution", "Bundler", "--lib", "ES2023,DOM,DOM.Iterable", "--types", "", "typed.ts");
  });
});

describe("in a bundler", () => {
  it("brings the element, whose heavy part stays out of the first script", async () => {
    writeFileSync(join(project, "index.html"), `<!doctype html><title>App</title><script type="module" src="./app.js"></script><nodemcu-playground><pre>print("bundled " .. 1 + 1)</pre></nodemcu-playground>`);
    writeFileSync(join(project, "app.js"), `import { configure } from "nodemcu-net-playground/element";\nconfigure({ site: "https://play.example/" });\n`);
    run(join(bin, "vite"), "build", "--base", "./", "--logLevel", "error");
    const harness = await Harness.start("real");
    const server = await serve(join(project, "dist"));
    try {
      const { page, troubles } = await visit(harness, addressOf(server));
      const link = playgrounds(page).getByRole("link", { name: "Open in the playground" });
      await link.hover();
      await expect.poll(() => link.getAttribute("href")).toMatch(/^https:\/\/play\.example\/#lab=/);
      const loaded = await page.evaluate(() => performance.getEntriesByType("resource").reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).decodedBodySize, 0));
      expect(loaded).toBeLessThan(40_000);
      await runUntil(playgrounds(page), "bundled 2");
      expect(troubles).toEqual([]);
    } finally {
      server.close();
      await harness.stop();
    }
  }, 120_000);
});
