/** The page itself, over a prepared run: what a person sees and does, whatever the engine. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { accessibilityProblems, fragmentOf, Harness, labOf } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("fixture");
});
afterAll(() => harness.stop());

const views = ["timeline", "sequence", "packets", "transcript", "network", "ping", "dns", "debugger"] as const;

/** What opens over the page, and the button that opens it. */
const popovers = [
  ["labs", ".lab-button"],
  ["settings", "button[aria-label=Settings]"],
  ["profile", ".profile-button"],
  ["board menu", ".board-tabs button[aria-haspopup=menu]"],
  ["file menu", ".file-tabs button[aria-haspopup=menu]"],
] as const;

describe("the first visit", () => {
  it("shows an example that is already running, and asks nothing of other sites", async () => {
    const { page, troubles, strays } = await harness.open();
    await page.getByText("my page: http://192.168.1.100/").waitFor();
    expect(await page.getByRole("button", { name: "Run again" }).isVisible()).toBe(true);
    await page.getByText("request 1 for /status").waitFor();
    expect(await page.locator(".note.watch").isVisible()).toBe(true);
    expect(troubles).toEqual([]);
    expect(strays).toEqual([]);
    await page.context().close();
  });

  it("works on a phone, one pane at a time", async () => {
    const { page } = await harness.open("", { viewport: { width: 390, height: 844 }, hasTouch: true });
    await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Consoles" }).click();
    await page.getByText("my page: http://192.168.1.100/").waitFor();
    await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Views" }).click();
    await page.locator(".timeline-scroll").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.context().close();
  });
});

describe("accessibility", () => {
  for (const colorScheme of ["light", "dark"] as const) {
    it(`has nothing for axe to find in any view (${colorScheme})`, async () => {
      const { page } = await harness.open("", { colorScheme, reducedMotion: "reduce" });
      await page.getByText("request 1 for /status").waitFor();
      const problems: string[] = [];
      for (const view of views) {
        await page.locator(`#tab-${view}`).click();
        await page.waitForTimeout(250);
        const row = page.locator(".view .row").first();
        if (await row.isVisible()) await row.click();
        await page.waitForTimeout(250);
        problems.push(...(await accessibilityProblems(page)).map((problem) => `${view}: ${problem}`));
      }
      for (const stage of ["pc", "browser"]) {
        await page.locator(`#tab-${stage}`).click();
        await page.waitForTimeout(200);
        problems.push(...(await accessibilityProblems(page)).map((problem) => `${stage}: ${problem}`));
      }
      await page.getByRole("button", { name: "Examples" }).click();
      await page.getByRole("dialog").waitFor();
      problems.push(...(await accessibilityProblems(page)).map((problem) => `gallery: ${problem}`));
      expect(problems).toEqual([]);
      await page.context().close();
    });
  }

  it("has nothing for axe to find in what opens over the page, nor on a phone", async () => {
    const { page } = await harness.open("", { reducedMotion: "reduce" });
    await page.getByText("request 1 for /status").waitFor();
    const problems: string[] = [];
    for (const [name, opener] of popovers) {
      await page.locator(opener).first().click();
      await page.waitForTimeout(200);
      problems.push(...(await accessibilityProblems(page)).map((problem) => `${name}: ${problem}`));
      await page.keyboard.press("Escape");
    }
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(300);
    problems.push(...(await accessibilityProblems(page)).map((problem) => `phone: ${problem}`));
    expect(problems).toEqual([]);
    await page.context().close();
  });

  it("lets the keyboard reach tabs, timeline and details", async () => {
    const { page } = await harness.open();
    await page.getByText("request 1 for /status").waitFor();
    const tab = page.locator("#tab-timeline");
    await tab.focus();
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => page.locator("#tab-sequence").getAttribute("aria-selected")).toBe("true");
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => tab.getAttribute("aria-selected")).toBe("true");
    await page.locator(".timeline-scroll").focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    await page.locator(".inspector h2").waitFor();
    await expect.poll(() => page.locator(".timeline [aria-live]").textContent()).toMatch(/server|client/);
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate(() => document.activeElement?.classList.contains("cm-content"))).toBe(true);
    await page.context().close();
  });
});

describe("the views", () => {
  it("share one selection: a frame, its layers, and the chain back to the line that sent it", async () => {
    const { page } = await harness.open();
    await page.getByText("request 1 for /status").waitFor();
    await page.getByRole("button", { name: "Pause time" }).click();
    await page.locator("#tab-packets").click();
    await page.locator(".packets .row", { hasText: "GET /status" }).first().click();
    await page.locator(".layer summary", { hasText: "TCP" }).waitFor();
    await page.getByRole("button", { name: "What caused it" }).click();
    const chain = page.locator(".inspector ol.chain li");
    await chain.first().waitFor();
    expect(await chain.allTextContents()).toEqual(expect.arrayContaining([expect.stringContaining("net.socket:send")]));
    await page.locator(".inspector .place", { hasText: "init.lua:5" }).first().click();
    await expect.poll(() => page.locator("#board-tab-client").getAttribute("aria-selected")).toBe("true");
    await page.locator("#tab-sequence").click();
    await page.locator(".ladder .row.chosen").waitFor();
    await page.context().close();
  });

  it("filter the packet list and follow a stream", async () => {
    const { page } = await harness.open();
    await page.getByText("request 1 for /status").waitFor();
    await page.getByRole("button", { name: "Pause time" }).click();
    await page.locator("#tab-packets").click();
    await page.getByRole("searchbox", { name: "Filter the frames" }).fill("dhcp");
    await expect.poll(() => page.locator(".packets .row").count()).toBe(4);
    await page.getByRole("searchbox", { name: "Filter the frames" }).fill("http");
    await page.locator(".packets .row").first().click();
    await page.getByRole("button", { name: "Follow the stream" }).click();
    await page.getByText("HTTP/1.0 200 OK").first().waitFor();
    await page.context().close();
  });

  it("tell everything in words in the transcript", async () => {
    const { page } = await harness.open();
    await page.getByText("request 1 for /status").waitFor();
    await page.locator("#tab-transcript").click();
    await page.getByRole("searchbox", { name: "Filter" }).fill("nothing happens");
    await page.getByText("nobody handles “disconnection”").first().waitFor();
    await page.context().close();
  });

  it("keep few rows in the document however long the run", async () => {
    const { page } = await harness.open(await fragmentOf({ ...labOf("", "heavy"), boards: [{ name: "server", files: {} }, { name: "client", files: {} }] }));
    await page.locator("#tab-transcript").click();
    const count = async (): Promise<number> => Number((await page.locator(".transcript [role=status]").textContent())?.replace(/\D/g, "") ?? 0);
    await expect.poll(count, { timeout: 30_000 }).toBeGreaterThan(4000);
    expect(await page.locator(".transcript .row").count()).toBeLessThan(80);
    await page.context().close();
  });
});

describe("the editor", () => {
  it("marks an error at its token while typing", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("local x = = 1\n")));
    await page.locator(".cm-lintRange-error").waitFor();
    expect(await page.locator(".cm-lintRange-error").textContent()).toBe("=");
    await page.context().close();
  });

  it("completes names from the firmware's table and explains them", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("")));
    await page.getByRole("button", { name: "Run again" }).waitFor();
    await page.locator(".cm-content").click();
    await page.keyboard.type("net.cr");
    await page.locator(".cm-tooltip-autocomplete", { hasText: "createServer" }).waitFor();
    await page.context().close();
  });

  it("runs with Ctrl+Enter and keeps what was written over a reload", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("-- mine\n")));
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type("-- more");
    await page.getByRole("button", { name: "Run changes" }).waitFor();
    await page.keyboard.press("Control+Enter");
    await page.getByRole("button", { name: "Run again" }).waitFor();
    await page.waitForTimeout(600);
    await page.reload();
    await page.getByText("-- more").waitFor();
    await page.context().close();
  });

  it("adds, renames and deletes files", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("")));
    await page.getByRole("button", { name: "Add a file" }).click();
    await page.getByLabel("Name of the file, for example main.lua").fill("init.lua");
    await page.keyboard.press("Enter");
    expect(await page.locator(".field-problem").textContent()).toMatch(/already/);
    await page.getByLabel("Name of the file, for example main.lua").fill("main.lua");
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "main.lua" }).waitFor();
    await page.getByRole("button", { name: "More for the files" }).click();
    await page.getByRole("menuitem", { name: "Delete main.lua…" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect.poll(() => page.getByRole("tab", { name: "main.lua" }).count()).toBe(0);
    await page.context().close();
  });
});

describe("labs", () => {
  it("travel in a link that no server sees", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("-- from a link\n", "Sent to you")));
    await page.getByText("-- from a link").waitFor();
    expect(new URL(page.url()).hash).toBe("");
    await page.getByRole("button", { name: "Share" }).click();
    const link = await page.getByRole("textbox", { name: /^Link/ }).inputValue();
    const other = await harness.open(link.slice(link.indexOf("#")));
    await other.page.getByText("-- from a link").waitFor();
    await other.page.context().close();
    await page.context().close();
  });

  it("say what is wrong with a damaged link and open the example instead", async () => {
    const { page } = await harness.open("#lab=AAAA");
    await page.getByText("damaged").waitFor();
    await page.getByText("A web server in twenty lines").waitFor();
    await page.context().close();
  });

  it("come from the gallery, with a search", async () => {
    const { page } = await harness.open();
    await page.getByRole("button", { name: "Examples" }).click();
    await page.getByRole("searchbox", { name: "Search the examples" }).fill("net.dns.resolve");
    await page.locator(".example").first().click();
    await page.getByText("net.dns.resolve(").waitFor();
    await page.context().close();
  });

  it("survive a breakdown of the engine, which is said plainly", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("-- kept\n", "crash")));
    await page.getByRole("alert").filter({ hasText: "The simulation broke down" }).waitFor();
    await page.getByText("-- kept").waitFor();
    expect(await page.getByRole("button", { name: "Run", exact: true }).first().isEnabled()).toBe(true);
    await page.context().close();
  });

  it("that the engine refuses are named with the place", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("", "refused")));
    await page.getByRole("alert").filter({ hasText: "boards[0].files" }).waitFor();
    await page.context().close();
  });
});
