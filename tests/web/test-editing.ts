/** Programs and boards under a person's hands: help at a name, marks at lines, files and boards renamed, copied and deleted. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fragmentOf, Harness, labOf } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("real");
});
afterAll(() => harness.stop());

describe("the editor", () => {
  it("explains the function under the pointer", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('local s = net.createServer(30)\nprint("ready")\n')));
    await page.locator(".line", { hasText: "ready" }).waitFor();
    await page.locator(".cm-line", { hasText: "createServer" }).waitFor();
    const box = await page.evaluate(() => {
      const line = [...document.querySelectorAll(".cm-line")].find((dom) => dom.textContent?.includes("createServer"));
      const walker = document.createTreeWalker(line ?? document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const at = node.textContent?.indexOf("createServer") ?? -1;
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + 6);
        const { x, y, width, height } = range.getBoundingClientRect();
        return { x: x + width / 2, y: y + height / 2 };
      }
      return null;
    });
    if (!box) throw new Error("the name is not shown");
    await page.mouse.move(box.x - 3, box.y);
    await page.mouse.move(box.x, box.y);
    await page.locator(".cm-tooltip-hover", { hasText: "net.createServer" }).waitFor();
    await page.context().close();
  });

  it("marks the line of the callback that has just run, and lets go of it", async () => {
    const program = 'print("begins")\ntmr.create():alarm(1500, tmr.ALARM_SINGLE, function()\n  print("ran")\nend)\n';
    const { page } = await harness.open(await fragmentOf(labOf(program)));
    await page.locator(".cm-ran", { hasText: "tmr.create()" }).waitFor({ timeout: 20_000 });
    await page.locator(".line", { hasText: /^ran|> ran/ }).first().waitFor();
    await expect.poll(() => page.locator(".cm-ran").count()).toBe(0);
    await page.context().close();
  });

  it("renames a file, which keeps its text", async () => {
    const lab = { version: 1, title: "Names", boards: [{ name: "board", files: { "init.lua": 'dofile("old.lua")\n', "old.lua": "-- the text of it\n" } }] };
    const { page } = await harness.open(await fragmentOf(lab));
    await page.getByRole("tab", { name: "old.lua" }).click();
    await page.getByRole("button", { name: "More for the files" }).click();
    await page.getByRole("menuitem", { name: "Rename old.lua…" }).click();
    await page.getByLabel("Name of the file").fill("new.lua");
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "new.lua" }).waitFor();
    expect(await page.getByRole("tab", { name: "old.lua" }).count()).toBe(0);
    await page.locator(".cm-content", { hasText: "-- the text of it" }).waitFor();
    await page.context().close();
  });

  it("lets a board start again with what was written, and leaves the others alone", async () => {
    const boards = ["left", "right"].map((name) => ({ name, files: { "init.lua": `print("${name} one")\n` } }));
    const { page } = await harness.open(await fragmentOf({ version: 1, title: "Two", boards }));
    for (const { name } of boards) await page.locator(".line", { hasText: `${name} one` }).waitFor();
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText('print("left two")\n');
    await page.getByRole("button", { name: "Restart left with its edited files" }).click();
    await page.locator(".line", { hasText: "left two" }).waitFor({ timeout: 20_000 });
    expect(await page.locator(".line", { hasText: "right one" }).count()).toBe(1);
    await page.context().close();
  });
});

describe("boards", () => {
  it("are added, renamed, copied and deleted, each with its files and console", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('print("I am here")\n')));
    await page.locator(".line", { hasText: "I am here" }).waitFor();
    const menu = async (item: RegExp): Promise<void> => {
      await page.locator(".board-tabs button[aria-haspopup=menu]").click();
      await page.getByRole("menuitem", { name: item }).click();
    };
    const tabs = page.locator(".board-tab");
    await menu(/^Rename board/);
    await page.getByLabel("Name of the board").fill("first");
    await page.keyboard.press("Enter");
    await tabs.filter({ hasText: "first" }).waitFor();
    await menu(/^Copy first/);
    await expect.poll(() => tabs.count()).toBe(2);
    await page.locator(".cm-content", { hasText: "I am here" }).waitFor();
    await page.getByRole("button", { name: "Add a board" }).click();
    await expect.poll(() => tabs.count()).toBe(3);
    await page.getByRole("button", { name: "Run changes" }).click();
    await expect.poll(() => page.locator(".all-consoles .line", { hasText: "I am here" }).count(), { timeout: 20_000 }).toBe(2);
    await menu(/^Delete/);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect.poll(() => tabs.count()).toBe(2);
    await page.context().close();
  });

  it("show pins, heap, network and address at a glance", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("gpio.mode(5, gpio.OUTPUT)\ngpio.write(5, gpio.HIGH)\nlocal t = {} for i = 1, 200 do t[i] = 'text ' .. i end\nkeep = t\n")));
    await page.locator(".board-tab small", { hasText: "192.168.1.100" }).waitFor({ timeout: 20_000 });
    const strip = page.locator(".board-strip");
    await strip.locator(".fact", { hasText: "playground" }).waitFor();
    await strip.locator(".pin", { hasText: "D5" }).waitFor();
    const freeKb = async (): Promise<number> => Number.parseInt((await strip.locator(".fact.heap").textContent())?.trim() ?? "", 10);
    await expect.poll(freeKb, { timeout: 10_000 }).toBeLessThan(44);
    expect(await freeKb()).toBeGreaterThan(0);
    await page.context().close();
  });

  it("have a console whose text can be copied", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('print("to be copied")\n')));
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.locator(".line", { hasText: "to be copied" }).waitFor();
    await page.getByRole("button", { name: "Copy the output of board" }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/to be copied/);
    await page.context().close();
  });
});
