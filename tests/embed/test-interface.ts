/** What scripts can do: methods and events of the element, messages to the iframe form, and links for places without scripts. */

import { describe, expect, it } from "vitest";

import type { CommandMessage, Command, NoticeMessage, Notices } from "../../web/src/embed/interface.ts";
import { fragmentOf, labOf } from "../web/harness.ts";
import { playgrounds, runUntil, twoSites } from "./author.ts";

const sites = twoSites();
const { open } = sites;

describe("the element", () => {
  it("tells what happens, and does what it is told", async () => {
    const { page } = await open(`<nodemcu-playground><pre>print("first")</pre></nodemcu-playground><script async src="${sites.harness.url}embed.js"></script>`);
    await page.evaluate(() => customElements.whenDefined("nodemcu-playground"));
    const seen = await page.evaluate(async () => {
      const element = document.querySelector("nodemcu-playground") as unknown as HTMLElement & { run(): void; stop(): void; reset(): void; load(): Promise<void>; type(text: string): void; setFiles(files: object): void; state: string; files: object };
      const states: string[] = [];
      let text = "";
      let records = 0;
      const changed: object[] = [];
      document.addEventListener("playground-state", (event) => void states.push((event as CustomEvent<Notices["state"]>).detail.state));
      document.addEventListener("playground-console", (event) => void (text += (event as CustomEvent<Notices["console"]>).detail.text));
      document.addEventListener("playground-trace", (event) => void (records += (event as CustomEvent<Notices["trace"]>).detail.records.length));
      document.addEventListener("playground-files", (event) => void changed.push((event as CustomEvent<Notices["files"]>).detail));
      const until = async (test: () => boolean): Promise<void> => {
        while (!test()) await new Promise((done) => setTimeout(done, 20));
      };
      const before = element.state;
      element.run();
      await until(() => text.includes("first") && text.includes("> "));
      element.type("print(6 * 7)\n");
      await until(() => text.includes("42"));
      element.setFiles({ "init.lua": 'print("second")' });
      await until(() => changed.length > 0);
      element.run();
      await until(() => text.includes("second"));
      element.stop();
      await until(() => states.at(-1) === "stopped");
      element.reset();
      return { before, states, records, changed, files: element.files };
    });
    expect(seen.before).toBe("idle");
    expect(seen.states).toEqual(["loading", "running", "stopped"]);
    expect(seen.records).toBeGreaterThan(5);
    expect(seen.changed).toEqual([{ board: "board", files: { "init.lua": 'print("second")' } }]);
    expect(seen.files).toEqual({ "init.lua": 'print("first")' });
  });

  it("lets a course platform grade", async () => {
    const { page } = await open(`<nodemcu-playground></nodemcu-playground><script async src="${sites.harness.url}embed.js"></script>`);
    await page.evaluate(() => customElements.whenDefined("nodemcu-playground"));
    const lab = { ...labOf('print("the answer is 42")'), checks: [{ type: "consoleContains", text: "42" }] };
    const checks = await page.evaluate(async (lab) => {
      const element = document.querySelector("nodemcu-playground") as unknown as HTMLElement & { send(command: Command): void };
      const passed = new Promise((done) =>
        element.addEventListener("playground-checks", (event) => {
          const { checks } = (event as CustomEvent<Notices["checks"]>).detail;
          if (checks.every(({ state }) => state === "passed")) done(checks.length);
        }),
      );
      element.send({ type: "setLab", lab: lab as never });
      element.send({ type: "run" });
      return passed;
    }, lab);
    expect(checks).toBe(1);
  });

  it("says so when the playground cannot be loaded, and tries again", async () => {
    const { page } = await open(`<nodemcu-playground><pre>print("late")</pre></nodemcu-playground><script async src="${sites.harness.url}embed.js"></script>`);
    await page.route("**/embed/runtime.js*", (route) => route.abort());
    await playgrounds(page).getByRole("button", { name: "Run" }).click();
    await playgrounds(page).getByText("could not be loaded").waitFor();
    await page.unroute("**/embed/runtime.js*");
    await runUntil(playgrounds(page), "late");
  });
});

describe("the iframe form", () => {
  it("is driven by messages", async () => {
    const { page, troubles } = await open(`<iframe width="700" height="500" title="Playground" src="${sites.harness.url}embed.html${await fragmentOf(labOf('print("in a frame")'))}"></iframe>`);
    await page.frameLocator("iframe").getByRole("button", { name: "Run" }).waitFor();
    const seen = await page.evaluate(async () => {
      const frame = document.querySelector("iframe")?.contentWindow;
      const types = new Set<string>();
      let text = "";
      addEventListener("message", (event: MessageEvent<NoticeMessage>) => {
        if (event.source !== frame || event.data.playground !== 1) return;
        types.add(event.data.notice.type);
        if (event.data.notice.type === "console") text += event.data.notice.text;
      });
      const send = (command: Command): void => frame?.postMessage({ playground: 1, command } satisfies CommandMessage, "*");
      const until = async (test: () => boolean): Promise<void> => {
        while (!test()) await new Promise((done) => setTimeout(done, 20));
      };
      send({ type: "run" });
      await until(() => text.includes("in a frame") && text.includes("> "));
      const untold = types.has("trace");
      send({ type: "watch", trace: true });
      send({ type: "type", text: "print(1 + 1)\n" });
      await until(() => text.includes("2") && types.has("trace"));
      return { untold, types: [...types].sort() };
    });
    expect(seen.untold).toBe(false);
    expect(seen.types).toEqual(["console", "ready", "state", "trace"]);
    expect(troubles).toEqual([]);
  });

  it("takes a program and settings from an address written by hand", async () => {
    const { page } = await open(`<iframe width="700" height="500" title="Playground" src="${sites.harness.url}embed.html?autorun&view=timeline&profile=5.3#lua=${encodeURIComponent("print(_VERSION)")}"></iframe>`);
    await page.frameLocator("iframe").locator(".line").filter({ hasText: "Lua 5.3" }).first().waitFor();
  });
});

describe("a plain link", () => {
  it("opens a program in the playground", async () => {
    const { page } = await open(`<a href="${sites.harness.url}#lua=${encodeURIComponent('print("by link " .. 2 + 3)')}">try it</a>`);
    await page.getByRole("link").click();
    await page.locator(".line").filter({ hasText: "by link 5" }).waitFor();
  });
});
