/** What a person's hands do at the editor, the boards, the consoles and the PC's terminal, over the real engine. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fragmentOf, Harness, labOf } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("real");
});
afterAll(() => harness.stop());

const line = (page: Page, text: string | RegExp) => page.locator(".stage-pane .line", { hasText: text }).first();

/** Types a command at the PC's terminal. */
async function atPc(page: Page, command: string): Promise<void> {
  await page.locator("#tab-pc").click();
  const input = page.getByRole("textbox", { name: "Type to PC" });
  await input.fill(command);
  await input.press("Enter");
}

/** Puts the pointer onto the first occurrence of `text` in the editor. */
async function pointAt(page: Page, text: string): Promise<void> {
  const box = await page.evaluate((wanted) => {
    const walker = document.createTreeWalker(document.querySelector(".cm-content") ?? document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const at = node.textContent?.indexOf(wanted) ?? -1;
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      const { x, y, width, height } = range.getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    }
    return null;
  }, text);
  if (!box) throw new Error(`“${text}” is not in the editor`);
  await page.mouse.move(box.x, box.y);
}

describe("the editor", () => {
  it("marks the line of the callback that has just run", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('local n = 0\n\ntmr.create():alarm(300, tmr.ALARM_AUTO, function()\n  n = n + 1\n  print("tick " .. n)\nend)\n')));
    await page.locator(".cm-line.cm-ran", { hasText: "tmr.create():alarm(300" }).waitFor();
    await page.context().close();
  });

  it("explains the function under the pointer in the words of the firmware's table", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("local server = net.createServer(net.TCP, 30)\n")));
    await page.locator(".cm-content").waitFor();
    await page.waitForTimeout(800);
    await pointAt(page, "createServer");
    await expect.poll(() => page.locator(".help-tip").textContent()).toMatch(/net\.createServer\(/);
    await page.context().close();
  });
});

describe("boards", () => {
  it("are added, renamed, copied and deleted", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('print("first")\n')));
    const tabs = page.getByRole("tablist", { name: "Boards" }).getByRole("tab");
    const menu = async (board: string, item: string): Promise<void> => {
      await page.getByRole("button", { name: `More for ${board}`, exact: true }).click();
      await page.getByRole("menuitem", { name: item }).click();
    };
    await page.getByRole("button", { name: "Add a board" }).click();
    await expect.poll(() => tabs.count()).toBe(2);
    await menu("board2", "Rename board2…");
    const name = page.getByRole("textbox", { name: "Name of the board" });
    await name.fill("router");
    await page.getByRole("button", { name: "OK" }).click();
    await page.getByText("is the name of a built-in host").waitFor();
    await name.fill("lamp");
    await page.getByRole("button", { name: "OK" }).click();
    await page.locator("#board-tab-lamp").waitFor();
    await menu("lamp", "Copy lamp");
    await expect.poll(() => tabs.count()).toBe(3);
    await menu("board3", "Delete board3…");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect.poll(() => tabs.count()).toBe(2);
    await page.context().close();
  });

  it("start again one by one with their edited files, while the others run on", async () => {
    const twin = { version: 1, title: "Two", boards: ["one", "two"].map((name) => ({ name, files: { "init.lua": `print("begin of ${name}")\n` } })) };
    const { page } = await harness.open(await fragmentOf(twin));
    await line(page, "begin of two").waitFor();
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type('print("again")');
    await page.getByRole("button", { name: "Restart one with its edited files" }).click();
    await line(page, /^again/).waitFor();
    expect(await page.locator(".stage-pane .line", { hasText: "begin of one" }).count()).toBe(1);
    expect(await page.locator(".stage-pane .line", { hasText: "begin of two" }).count()).toBe(1);
    await page.getByRole("button", { name: "Run again" }).waitFor();
    await page.context().close();
  });

  it("show pins, heap and Wi-Fi at a glance", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("gpio.mode(5, gpio.OUTPUT)\ngpio.write(5, gpio.HIGH)\ngpio.mode(6, gpio.OUTPUT)\ngpio.write(6, gpio.LOW)\n")));
    const pins = page.getByRole("group", { name: "Pins" });
    await expect.poll(() => pins.locator(".pin").allTextContents()).toEqual(["D51", "D60"]);
    await expect.poll(() => page.locator(".strip-facts").innerText()).toMatch(/playground[\s\S]*kB free/);
    await expect.poll(() => page.locator("#board-tab-board small").textContent()).toBe("192.168.1.100");
    await page.context().close();
  });
});

describe("the console", () => {
  it("is copied to the clipboard", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('print("to be copied")\n')), { permissions: ["clipboard-read", "clipboard-write"] });
    await line(page, "to be copied").waitFor();
    await page.getByRole("button", { name: "Copy the output of board" }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/to be copied/);
    await page.context().close();
  });
});

describe("the PC's nc", () => {
  it("talks UDP to a board", async () => {
    const echo = 'local s = net.createUDPSocket()\ns:listen(5000)\ns:on("receive", function(s, data, port, ip) s:send(port, ip, "echo of " .. data) end)\n';
    const { page } = await harness.open(await fragmentOf(labOf(echo)));
    await page.locator("#board-tab-board small", { hasText: "192.168.1.100" }).waitFor();
    await atPc(page, "nc -u 192.168.1.100 5000");
    await atPc(page, "hello");
    await line(page, /^echo of hello/).waitFor();
    await page.context().close();
  });

  it("listens, and a board that connects is heard and answered", async () => {
    const caller = `wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  tmr.create():alarm(3000, tmr.ALARM_SINGLE, function()
    local s = net.createConnection(net.TCP, 0)
    s:on("connection", function(s) s:send("the board calls\\n") end)
    s:on("receive", function(_, data) print("heard " .. data) end)
    s:connect(7000, "192.168.1.50")
  end)
end)
`;
    const { page } = await harness.open(await fragmentOf(labOf(caller)));
    await page.locator("#tab-pc").waitFor();
    await atPc(page, "nc -l 7000");
    await line(page, /^the board calls/).waitFor();
    await atPc(page, "good day");
    await page.locator("#tab-console").click();
    await line(page, /heard good day/).waitFor();
    await page.context().close();
  });
});

describe("time", () => {
  it("goes to the next frame, which is then selected", async () => {
    const ping = 'wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function() net.ping("192.168.1.1", 50, function() end) end)\n';
    const { page } = await harness.open(await fragmentOf(labOf(ping)));
    await page.locator("#board-tab-board small", { hasText: "192.168.1.100" }).waitFor();
    await page.locator("#tab-packets").click();
    await page.getByRole("button", { name: "Pause time" }).click();
    const rows = page.locator(".packets .row");
    await page.getByRole("button", { name: "To the next frame" }).click();
    await page.locator(".packets .row.chosen").waitFor();
    const before = await rows.last().textContent();
    await page.getByRole("button", { name: "To the next frame" }).click();
    await expect.poll(() => rows.last().textContent()).not.toBe(before);
    await page.context().close();
  });
});

describe("a shared link", () => {
  it("can carry what was done, which happens again at its time", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('print("ready")\n')));
    await line(page, "ready").waitFor();
    const input = page.getByRole("textbox", { name: "Type to board" });
    await input.fill('print("done " .. "by hand")');
    await input.press("Enter");
    await line(page, /^done by hand/).waitFor();
    await page.getByRole("button", { name: "Share" }).click();
    const link = page.getByRole("textbox", { name: /^Link/ });
    const without = await link.inputValue();
    await page.getByRole("checkbox", { name: /With what I did/ }).check();
    await expect.poll(() => link.inputValue()).not.toBe(without);
    const url = await link.inputValue();
    const other = await harness.open(url.slice(url.indexOf("#")));
    await line(other.page, /^done by hand/).waitFor();
    await other.page.context().close();
    await page.context().close();
  });
});
