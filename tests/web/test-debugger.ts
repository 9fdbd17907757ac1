/** The debugger as a person uses it, with the real engine: breakpoints, stops, steps, values, and what they mean for time and other boards. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { accessibilityProblems, fragmentOf, Harness, labOf, type Opened } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("real");
});
afterAll(() => harness.stop());

const program = `-- Calls, tables, and a timer.
local config = { port = 80, hosts = { "a", "b" } }
local function area(width, height)
  local product = width * height
  return product
end
local count = 0
tmr.create():alarm(300, tmr.ALARM_AUTO, function()
  count = count + 1
  local size = area(count, 2)
  config.port = size
  print("size " .. size)
end)
`;

/** The test's program with breakpoints before these lines. */
function stopping(...lines: readonly number[]): object {
  return { ...labOf(program), views: { breakpoints: { board: { "init.lua": lines } } } };
}

async function openWith(lab: object, options: Parameters<Harness["open"]>[1] = {}): Promise<Opened> {
  return harness.open(await fragmentOf(lab), options);
}

/** Waits until the program is stopped before `place`, and both the bar and the editor say so. */
async function stoppedBefore(page: Page, line: number): Promise<void> {
  await page.locator(".debug-say", { hasText: `is stopped before init.lua:${line}` }).waitFor();
  const text = program.split("\n")[line - 1] ?? "";
  await expect.poll(() => page.locator(".cm-stopped-line").allTextContents()).toEqual([text]);
}

const bar = (page: Page) => page.getByRole("group", { name: "Debugger" });
const clock = async (page: Page): Promise<string> => (await page.locator(".clock").textContent()) ?? "";
const variable = (page: Page, name: string) => page.locator(".debugger-variables .variable", { has: page.locator(`.variable-name:text-is("${name}")`) });
const marks = (page: Page) => page.locator(".cm-breakpoints .cm-breakpoint-mark").filter({ visible: true });
const gutterLine = (page: Page, line: number) => page.locator(".cm-lineNumbers .cm-gutterElement").filter({ hasText: new RegExp(`^${line}$`) });

/** Clicks beside a line number, where breakpoints are. */
async function clickGutter(page: Page, line: number): Promise<void> {
  const number = await gutterLine(page, line).boundingBox();
  const gutter = await page.locator(".cm-breakpoints").boundingBox();
  if (!number || !gutter) throw new Error("the gutter is not there");
  await page.mouse.click(gutter.x + gutter.width / 2, number.y + number.height / 2);
}

describe("a breakpoint", () => {
  it("is set by a click beside the line number, stops the program and all time, and is removed by another click", async () => {
    const { page, troubles } = await openWith(labOf(program));
    await page.locator(".line", { hasText: "size 2" }).first().waitFor();
    await page.locator(".cm-content").waitFor();
    await clickGutter(page, 11);
    await stoppedBefore(page, 11);
    expect(await page.locator("#tab-debugger").getAttribute("aria-selected")).toBe("true");
    expect(await page.getByRole("button", { name: "Pause time" }).isDisabled()).toBe(true);
    const still = await clock(page);
    await page.waitForTimeout(600);
    expect(await clock(page)).toBe(still);
    await clickGutter(page, 11);
    await page.keyboard.press("F5");
    await expect.poll(() => clock(page)).not.toBe(still);
    await expect.poll(() => page.locator(".note.debug").count()).toBe(0);
    await expect.poll(() => page.locator(".cm-stopped-line").count()).toBe(0);
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  it("is set with F9, which is said aloud, moves to code, and follows its line through edits", async () => {
    const { page } = await openWith(labOf(program));
    await page.locator(".cm-line", { hasText: "-- Calls" }).click();
    await page.keyboard.press("F9");
    await expect.poll(() => page.locator(".cm-announced").textContent()).toBe("Breakpoint set at line 2");
    const place = page.getByRole("region", { name: "Breakpoints" }).getByRole("button", { name: /^init\.lua:/ });
    await page.locator("#tab-debugger").click();
    expect(await place.textContent()).toBe("init.lua:2");
    await page.locator(".cm-line", { hasText: "-- Calls" }).click();
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await expect.poll(() => place.textContent()).toBe("init.lua:4");
    await page.getByRole("button", { name: "Run changes" }).click();
    await page.locator(".debug-say", { hasText: "is stopped before init.lua:4, in the main chunk" }).waitFor();
    await page.getByRole("button", { name: "Remove the breakpoint at init.lua:4" }).click();
    await bar(page).getByRole("button", { name: "Continue" }).click();
    await page.locator(".line", { hasText: "size 2" }).first().waitFor();
    await page.context().close();
  });

  it("is kept with its lab, of each board, and leads to its line", async () => {
    const twin = { version: 1, title: "Two", boards: ["one", "two"].map((name) => ({ name, files: { "init.lua": program } })) };
    const { page } = await openWith(twin);
    await page.locator(".cm-line", { hasText: "count = count + 1" }).click();
    await page.keyboard.press("F9");
    await page.locator(".debug-say", { hasText: "one is stopped before init.lua:9" }).waitFor();
    await expect.poll(() => marks(page).count()).toBe(1);
    await page.locator("#board-tab-two").click();
    await expect.poll(() => marks(page).count()).toBe(0);
    await page.locator(".debug-say .place").click();
    await expect.poll(() => page.locator("#board-tab-one").getAttribute("aria-selected")).toBe("true");
    await page.waitForTimeout(600);
    await page.reload();
    await page.locator(".debug-say", { hasText: "one is stopped before init.lua:9" }).waitFor();
    await page.locator("#board-tab-two").click();
    await page.getByRole("button", { name: "one init.lua:9", exact: true }).click();
    await expect.poll(() => page.locator("#board-tab-one").getAttribute("aria-selected")).toBe("true");
    await page.context().close();
  });

  it("that is moved by an edit during the run still stops the text that runs", async () => {
    const { page } = await openWith(labOf(program));
    await page.locator(".line", { hasText: "size 2" }).first().waitFor();
    await page.locator(".cm-line", { hasText: "-- Calls" }).click();
    await page.keyboard.press("End");
    await page.keyboard.type("\n-- A new line.");
    await page.locator(".cm-line", { hasText: "config.port = size" }).click();
    await page.keyboard.press("F9");
    await page.locator(".debug-say", { hasText: "is stopped before init.lua:11" }).waitFor();
    await expect.poll(() => page.locator(".cm-stopped-line").allTextContents()).toEqual(["  config.port = size"]);
    await page.context().close();
  });
});

describe("a stopped program", () => {
  it("goes on line by line, over calls, into them and out of them, by keys and by buttons", async () => {
    const { page } = await openWith(stopping(10));
    await stoppedBefore(page, 10);
    await page.keyboard.press("F11");
    await stoppedBefore(page, 4);
    await page.keyboard.press("F10");
    await stoppedBefore(page, 5);
    await page.keyboard.press("Shift+F11");
    await page.locator(".debug-say", { hasText: /init\.lua:1[01],/ }).waitFor();
    await page.keyboard.press("F5");
    await stoppedBefore(page, 10);
    await bar(page).getByRole("button", { name: "Step over" }).click();
    await stoppedBefore(page, 11);
    await bar(page).getByRole("button", { name: "Continue" }).click();
    await stoppedBefore(page, 10);
    await bar(page).getByRole("button", { name: "Step into" }).click();
    await stoppedBefore(page, 4);
    await bar(page).getByRole("button", { name: "Step out" }).click();
    await page.locator(".debug-say", { hasText: /init\.lua:1[01],/ }).waitFor();
    await page.context().close();
  });

  it("shows its calls, the variables of each, tables opened, and what has changed", async () => {
    const { page } = await openWith(stopping(5, 12));
    await stoppedBefore(page, 5);
    const calls = page.getByRole("region", { name: "Calls under way" }).getByRole("button");
    await expect.poll(() => calls.allInnerTexts()).toEqual([expect.stringMatching(/^area\s+init\.lua:5$/), expect.stringMatching(/line 8\s+init\.lua:10$/)]);
    expect(await variable(page, "product").innerText()).toMatch(/2/);
    await calls.nth(1).click();
    await expect.poll(() => page.locator(".cm-looked-line").allTextContents()).toEqual(["  local size = area(count, 2)"]);
    expect(await variable(page, "count").innerText()).toMatch(/1/);
    expect(await variable(page, "config").innerText()).toMatch(/table \(2\)/);
    await variable(page, "config").click();
    expect(await variable(page, "port").innerText()).toMatch(/80/);
    await variable(page, "hosts").click();
    expect(await variable(page, "[2]").innerText()).toMatch(/"b"/);
    await page.keyboard.press("F5");
    await stoppedBefore(page, 12);
    await expect.poll(() => variable(page, "port").innerText()).toMatch(/2\s*changed/);
    await page.context().close();
  });

  it("tells the value of the variable under the pointer", async () => {
    const { page } = await openWith(stopping(12));
    await stoppedBefore(page, 12);
    const line = page.locator(".cm-line", { hasText: "local size = area(count, 2)" });
    const box = await line.boundingBox();
    if (!box) throw new Error("the line is not there");
    const letter = await page.evaluate(() => {
      const context = document.createElement("canvas").getContext("2d");
      const content = document.querySelector(".cm-content");
      if (!context || !content) return 0;
      context.font = getComputedStyle(content).font;
      return context.measureText("0").width;
    });
    await page.mouse.move(box.x + 6 + letter * 10, box.y + box.height / 2);
    await expect.poll(() => page.locator(".value-tip").innerText()).toBe("size = 2");
    await page.context().close();
  });

  it("shows the globals that its board's programs have set, and nothing of the firmware's", async () => {
    const text = "port = 80\nhandler = { busy = false }\nprint(port)\n";
    const { page } = await openWith({ ...labOf(text), views: { breakpoints: { board: { "init.lua": [3] } } } });
    await page.locator(".debug-say", { hasText: "is stopped before init.lua:3" }).waitFor();
    await page.getByRole("heading", { name: "Globals of board" }).waitFor();
    await expect.poll(() => page.locator(".debugger-variables .variable-name").allTextContents()).toEqual(["port", "handler", "busy"]);
    await page.context().close();
  });

  it("is stopped by “Pause program” as well, which is not “Pause time”", async () => {
    const { page } = await openWith(labOf(program));
    await page.locator(".line", { hasText: "size 2" }).first().waitFor();
    await page.locator("#tab-debugger").click();
    await page.getByRole("button", { name: "Pause program of board" }).click();
    await stoppedBefore(page, 9);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator(".note.debug").waitFor({ state: "detached" });
    await page.context().close();
  });

  it("makes everything else wait, and does it when it goes on", async () => {
    const { page } = await openWith(stopping(9));
    await stoppedBefore(page, 9);
    expect(await page.locator(".debug-say").innerText()).toMatch(/Time, all boards and what you do wait until it goes on/);
    const input = page.getByRole("textbox", { name: "Type to board" });
    await input.fill("print(6 * 7)");
    await input.press("Enter");
    await page.waitForTimeout(300);
    expect(await page.locator(".line", { hasText: /^42$/ }).count()).toBe(0);
    await page.getByRole("button", { name: "Remove the breakpoint at init.lua:9" }).click();
    await page.keyboard.press("F5");
    await page.locator(".line", { hasText: /^42$/ }).waitFor();
    await page.context().close();
  });

  it("may wait longer than the page waits for a stuck engine", async () => {
    const { page, troubles } = await openWith(stopping(9));
    await stoppedBefore(page, 9);
    await page.waitForTimeout(11_000);
    expect(await page.locator(".note.bad").count()).toBe(0);
    await page.keyboard.press("F10");
    await stoppedBefore(page, 10);
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  it("is accessible, in light and dark, and on a phone", async () => {
    const problems: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await openWith(stopping(5), { colorScheme, reducedMotion: "reduce" });
      await stoppedBefore(page, 5);
      await page.getByRole("region", { name: "Calls under way" }).waitFor();
      problems.push(...(await accessibilityProblems(page)).map((problem) => `${colorScheme}: ${problem}`));
      await page.context().close();
    }
    const { page } = await openWith(stopping(5), { viewport: { width: 390, height: 844 }, hasTouch: true });
    await stoppedBefore(page, 5);
    await bar(page).getByRole("button", { name: "Step over" }).tap();
    await page.locator(".debug-say", { hasText: "init.lua:11" }).or(page.locator(".debug-say", { hasText: "init.lua:10" })).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    problems.push(...(await accessibilityProblems(page)).map((problem) => `phone: ${problem}`));
    expect(problems).toEqual([]);
    await page.context().close();
  });
});

describe("without breakpoints", () => {
  it("the page has no bar, and F5 is the browser's", async () => {
    const { page } = await openWith(labOf(program));
    await page.locator(".line", { hasText: "size 2" }).first().waitFor();
    expect(await page.locator(".note.debug").count()).toBe(0);
    const isTaken = await page.evaluate(() => !document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "F5", bubbles: true, cancelable: true })));
    expect(isTaken).toBe(false);
    await page.context().close();
  });
});
