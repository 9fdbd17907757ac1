/** What a person does with a lab, over the real engine: files, consoles, boards, time, profiles, what is kept and shared. */

import { readFileSync } from "node:fs";

import type { Download, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fragmentOf, Harness, labOf } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("real");
});
afterAll(() => harness.stop());

const ticking = 'local n = 0\ntmr.create():alarm(100, tmr.ALARM_AUTO, function() n = n + 1 print("tick " .. n) end)\n';

/** What `act` makes the page save. */
async function saved(page: Page, act: () => Promise<void>): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const [download] = (await Promise.all([page.waitForEvent("download"), act()])) as [Download, void];
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

const fileMenu = async (page: Page, item: string): Promise<void> => {
  await page.getByRole("button", { name: "More for the files" }).click();
  await page.getByRole("menuitem", { name: item }).click();
};

const labMenu = async (page: Page, item: string): Promise<void> => {
  await page.locator(".lab-button").click();
  await page.getByRole("menuitem", { name: item }).click();
};

/** Virtual milliseconds on the clock. */
async function clockMs(page: Page): Promise<number> {
  const [minutes = "0", rest = "0"] = ((await page.locator(".clock").textContent()) ?? "").split(":");
  return Number(minutes) * 60_000 + Number(rest) * 1000;
}

describe("files", () => {
  it("are uploaded, used by the program, and downloaded one by one and together", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('print(file.exists("extra.lua"))\n')));
    await page.locator(".line", { hasText: /^false$/ }).waitFor();
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), fileMenu(page, "Upload files…")]);
    await chooser.setFiles([
      { name: "extra.lua", mimeType: "text/plain", buffer: Buffer.from("return 7\n") },
      { name: "raw.bin", mimeType: "application/octet-stream", buffer: Buffer.from([0, 255, 1]) },
    ]);
    await page.getByRole("tab", { name: "extra.lua" }).click();
    await page.getByRole("button", { name: "Run changes" }).click();
    await page.locator(".line", { hasText: "true" }).waitFor();
    const one = await saved(page, () => fileMenu(page, "Download extra.lua"));
    expect(one.name).toBe("extra.lua");
    expect(one.bytes.toString()).toBe("return 7\n");
    const all = await saved(page, () => fileMenu(page, "Download all files"));
    expect(all.name).toBe("board.zip");
    for (const name of ["init.lua", "extra.lua", "raw.bin"]) expect(all.bytes.includes(name)).toBe(true);
    await page.context().close();
  });

  it("that a program wrote come from the flash into the lab", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('file.putcontents("written.txt", "by the board")\nprint("done")\n')));
    await page.locator(".line", { hasText: "done" }).waitFor();
    await page.getByRole("button", { name: "More for board" }).click();
    await page.getByRole("menuitem", { name: "Take the files from the board's flash" }).click();
    await page.getByRole("tab", { name: "written.txt" }).click();
    await page.locator(".cm-content", { hasText: "by the board" }).waitFor();
    await page.context().close();
  });
});

describe("the console", () => {
  it("shows times, and is saved and cleared", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(ticking)));
    await page.locator(".line", { hasText: "tick 2" }).first().waitFor();
    expect(await page.locator(".line-time").count()).toBe(0);
    await page.getByRole("button", { name: "Times" }).click();
    await expect.poll(() => page.locator(".line-time").first().textContent()).toMatch(/^\d+\.\d{3}/);
    const log = await saved(page, () => page.getByRole("button", { name: "Save the output of board as a file" }).click());
    expect(log.name).toBe("board.log");
    expect(log.bytes.toString()).toMatch(/tick 1\r?\n/);
    await page.getByRole("button", { name: "Pause time" }).click();
    await page.getByRole("button", { name: "Clear the console of board" }).click();
    await expect.poll(() => page.locator(".line", { hasText: "tick 1" }).count()).toBe(0);
    await page.context().close();
  });

  it("has one tile per board and one tab each", async () => {
    const boards = ["one", "two", "three", "four"].map((name) => ({ name, files: { "init.lua": `print("I am ${name}")` } }));
    const { page } = await harness.open(await fragmentOf({ version: 1, title: "Four", boards }));
    for (const { name } of boards) await page.getByRole("region", { name: `Console of ${name}` }).getByText(`I am ${name}`).waitFor();
    const tops = await page.locator(".all-consoles > .terminal").evaluateAll((terminals) => terminals.map((terminal) => terminal.getBoundingClientRect().top));
    expect(new Set(tops).size).toBe(2);
    await page.locator("#tab-console-three").click();
    await expect.poll(() => page.locator(".line", { hasText: "I am one" }).isVisible()).toBe(false);
    expect(await page.locator(".line", { hasText: "I am three" }).isVisible()).toBe(true);
    await page.context().close();
  });
});

describe("a board", () => {
  it("goes silent without power and boots when it comes back", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('print("booted")\n')));
    await expect.poll(() => page.locator(".line", { hasText: "booted" }).count()).toBe(1);
    await page.getByRole("button", { name: "Power" }).click();
    await expect.poll(() => page.getByRole("button", { name: "Power" }).getAttribute("aria-pressed")).toBe("false");
    await page.getByRole("button", { name: "Power" }).click();
    await expect.poll(() => page.locator(".line", { hasText: "booted" }).count()).toBe(2);
    await page.context().close();
  });

  it("loses its network out of radio range, and the map says so", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function() print("alone") end)\n')));
    await page.locator(".board-tab small", { hasText: "192.168.1.100" }).waitFor();
    await page.getByRole("button", { name: "In radio range" }).click();
    await page.locator(".line", { hasText: "alone" }).first().waitFor({ timeout: 30_000 });
    await page.locator("#tab-network").click();
    await page.locator(".link-label", { hasText: "cut" }).waitFor();
    await page.context().close();
  });

  it("says in a sentence what each profile changes, and runs with the chosen Lua", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("print(_VERSION, 7 // 2)\n")));
    await page.getByRole("button", { name: "init.lua:1" }).first().waitFor();
    await page.locator(".profile-button").click();
    const profile = page.getByRole("dialog", { name: "Behaviour, API and Lua" });
    for (const legend of await profile.getByRole("group").all()) expect(await legend.locator("small").count()).toBeGreaterThan(1);
    await profile.getByRole("radio", { name: /^5\.3|Lua 5\.3/ }).check();
    await profile.getByRole("button", { name: /^Run/ }).click();
    await page.locator(".line", { hasText: "Lua 5.3" }).waitFor();
    await page.context().close();
  });

  it("gives hints about the chip that lead to the line", async () => {
    const program = `net.createServer(net.TCP, 30):listen(80, function(c)
  c:on("receive", function(s)
    s:send("bye")
    s:close()
  end)
end)
local c = net.createConnection(net.TCP, 0)
`;
    const { page } = await harness.open(await fragmentOf(labOf(program)));
    const hint = page.locator("details.note.hint");
    await hint.waitFor();
    await hint.locator("summary").click();
    const place = hint.locator(".place").first();
    expect(await place.textContent()).toMatch(/board init\.lua:\d+/);
    await place.click();
    await expect.poll(() => page.evaluate(() => document.activeElement?.classList.contains("cm-content"))).toBe(true);
    await page.context().close();
  });
});

describe("time", () => {
  it("runs a tenth and a hundred times as fast", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(ticking)));
    await page.locator(".line", { hasText: "tick 1" }).first().waitFor();
    const speed = page.getByRole("combobox", { name: "Speed" });
    const advance = async (factor: string): Promise<number> => {
      await speed.selectOption(factor);
      const before = await clockMs(page);
      await page.waitForTimeout(1500);
      return (await clockMs(page)) - before;
    };
    expect(await advance("0.1")).toBeLessThan(700);
    expect(await advance("10")).toBeGreaterThan(4000);
    expect(await advance("100")).toBeGreaterThan(8000);
    await page.context().close();
  });

  it("stands still when paused, and goes frame by frame", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(ticking)));
    await page.locator(".line", { hasText: "tick 1" }).first().waitFor();
    await page.getByRole("button", { name: "Pause time" }).click();
    await page.waitForTimeout(300);
    const still = await clockMs(page);
    await page.waitForTimeout(500);
    expect(await clockMs(page)).toBe(still);
    await page.getByRole("button", { name: "Callback" }).click();
    await expect.poll(() => clockMs(page)).toBeGreaterThan(still);
    await page.locator(".inspector").waitFor();
    await page.getByRole("button", { name: "Let time go on" }).click();
    const then = await clockMs(page);
    await expect.poll(() => clockMs(page)).toBeGreaterThan(then);
    await page.context().close();
  });

  it("is the same again with the same seed, and other with another", async () => {
    const { page } = await harness.open(await fragmentOf(labOf('print("random " .. node.random(1, 1000000))\n')));
    const drawn = async (): Promise<string | null> => {
      const line = page.locator(".line", { hasText: "random" });
      await line.waitFor();
      return line.textContent();
    };
    const first = await drawn();
    await page.getByRole("button", { name: "Run again" }).click();
    await page.waitForTimeout(300);
    expect(await drawn()).toBe(first);
    await page.getByRole("spinbutton", { name: "Seed" }).fill("41");
    await page.getByRole("spinbutton", { name: "Seed" }).press("Enter");
    await page.getByRole("button", { name: "Run changes" }).click();
    await expect.poll(drawn).not.toBe(first);
    await page.context().close();
  });
});

describe("captures and transcripts", () => {
  it("are saved as files that other tools read", async () => {
    const { page } = await harness.open();
    await page.getByText("request 1 for /status").waitFor();
    await page.getByRole("button", { name: "Pause time" }).click();
    await page.locator("#tab-packets").click();
    const capture = await saved(page, () => page.getByRole("button", { name: "pcapng" }).click());
    expect(capture.name).toMatch(/\.pcapng$/);
    expect(capture.bytes.readUInt32BE(0)).toBe(0x0a0d0d0a);
    await page.locator("#tab-transcript").click();
    const transcript = await saved(page, () => page.getByRole("button", { name: "Save as text" }).click());
    expect(transcript.bytes.toString()).toMatch(/server/);
    await page.context().close();
  });
});

describe("labs", () => {
  it("are several, each kept as it was left", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("-- the first\n", "First lab")));
    await page.locator(".cm-content", { hasText: "-- the first" }).waitFor();
    await labMenu(page, "New lab");
    await page.locator(".lab-title", { hasText: "Untitled lab" }).waitFor();
    await page.locator(".lab-button").click();
    await page.getByRole("textbox", { name: "Name of this lab" }).fill("Second lab");
    await page.keyboard.press("Escape");
    await labMenu(page, "First lab");
    await page.locator(".cm-content", { hasText: "-- the first" }).waitFor();
    await page.locator(".lab-button").click();
    await page.getByRole("menuitem", { name: "Second lab" }).waitFor();
    await page.context().close();
  });

  it("leave as a file and come back from it", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("-- to be kept\n", "Kept")));
    await page.locator(".cm-content", { hasText: "-- to be kept" }).waitFor();
    const file = await saved(page, () => labMenu(page, "Export as a file"));
    expect(file.name).toMatch(/\.lab\.json$/);
    const other = await harness.open();
    const [chooser] = await Promise.all([other.page.waitForEvent("filechooser"), labMenu(other.page, "Import from a file…")]);
    await chooser.setFiles({ name: file.name, mimeType: "application/json", buffer: file.bytes });
    await other.page.locator(".lab-title", { hasText: "Kept" }).waitFor();
    await other.page.locator(".cm-content", { hasText: "-- to be kept" }).waitFor();
    await other.page.context().close();
    await page.context().close();
  });
});
