/** That everybody reaches everything: by keyboard alone, with a screen reader's tree in order, in both themes, on three screens. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { accessibilityProblems, fragmentOf, Harness, labOf } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("fixture");
});
afterAll(() => harness.stop());

const views = ["timeline", "sequence", "packets", "transcript", "network", "ping", "dns"] as const;
/** Dialogs, by what opens them. */
const dialogs: readonly (readonly [string, (page: Page) => Promise<void>])[] = [
  ["share", (page) => page.getByRole("button", { name: "Share", exact: true }).click()],
  ["connect", (page) => page.locator(".connect-button").click()],
  ["examples", (page) => page.getByRole("button", { name: "Examples" }).click()],
  ["add a file", (page) => page.getByRole("button", { name: "Add a file" }).click()],
  [
    "delete a board",
    async (page) => {
      await page.locator(".board-tabs button[aria-haspopup=menu]").click();
      await page.getByRole("menuitem", { name: /^Delete/ }).click();
    },
  ],
];

async function running(options: Parameters<Harness["open"]>[1] = {}): Promise<Page> {
  const { page } = await harness.open("", { reducedMotion: "reduce", ...options });
  await page.getByText("request 1 for /status").waitFor({ state: "attached" });
  return page;
}

/** What has the focus, in short, and whether one can see that it has. */
function focused(page: Page): Promise<{ readonly name: string; readonly isShown: boolean }> {
  return page.evaluate(() => {
    const dom = document.activeElement;
    if (!(dom instanceof HTMLElement || dom instanceof SVGElement) || dom === document.body) return { name: "", isShown: true };
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(dom);
    const rect = dom.getBoundingClientRect();
    const isMarked = (outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0) || boxShadow !== "none" || dom.classList.contains("cm-content") || dom.matches(".node");
    return { name: dom.id || dom.getAttribute("aria-label") || dom.textContent?.trim().slice(0, 40) || dom.className.toString(), isShown: isMarked && rect.width > 0 && rect.height > 0 };
  });
}

describe("the keyboard", () => {
  it("reaches every control of every view, and one sees where it is", async () => {
    const page = await running();
    await page.getByRole("button", { name: "Pause time" }).click();
    for (const view of views) {
      await page.locator(`#tab-${view}`).click();
      await page.waitForTimeout(200);
      // In a list of tabs, a menu or a radio group one element takes the Tab key and arrows do the rest.
      const wanted = await page.evaluate(() => {
        const controls = [...document.querySelectorAll<HTMLElement>("button, input, select, textarea, summary, a[href], [tabindex='0']")];
        const reachable = controls.filter((dom) => dom.checkVisibility({ visibilityProperty: true }) && !(dom as HTMLButtonElement).disabled && dom.getAttribute("tabindex") !== "-1");
        for (const [index, dom] of reachable.entries()) dom.dataset["reach"] = String(index);
        (document.activeElement as HTMLElement | null)?.blur();
        return reachable.length;
      });
      const reached = new Set<string>();
      const unseen: string[] = [];
      for (let presses = 0; presses < wanted + 12 && reached.size < wanted; presses++) {
        // The editor takes Tab for itself until Escape.
        if (await page.evaluate(() => document.activeElement?.classList.contains("cm-content"))) await page.keyboard.press("Escape");
        await page.keyboard.press("Tab");
        const mark = await page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset["reach"]);
        if (mark !== undefined) reached.add(mark);
        const { name, isShown } = await focused(page);
        if (!isShown) unseen.push(name);
      }
      const missed = await page.evaluate((marks) => [...document.querySelectorAll<HTMLElement>("[data-reach]")].filter((dom) => !marks.includes(dom.dataset["reach"] ?? "")).map((dom) => dom.outerHTML.slice(0, 120)), [...reached]);
      expect({ view, missed, unseen }).toEqual({ view, missed: [], unseen: [] });
      await page.evaluate(() => document.querySelectorAll<HTMLElement>("[data-reach]").forEach((dom) => delete dom.dataset["reach"]));
    }
    await page.context().close();
  });

  it("moves in menus, closes what it opened, and comes back to where it was", async () => {
    const page = await running();
    for (const opener of [".lab-button", ".board-tabs button[aria-haspopup=menu]", ".profile-button", "button[aria-label=Settings]"]) {
      await page.locator(opener).focus();
      await page.keyboard.press("Enter");
      const inside = page.locator(":popover-open");
      await inside.waitFor();
      await page.keyboard.press("Escape");
      await expect.poll(() => inside.count()).toBe(0);
      expect(await page.locator(opener).evaluate((dom) => dom === document.activeElement), opener).toBe(true);
    }
    for (const [name, open] of dialogs) {
      await open(page);
      await page.getByRole("dialog").last().waitFor();
      await page.keyboard.press("Escape");
      await expect.poll(() => page.locator("dialog[open]").count(), { message: name }).toBe(0);
      expect(await page.evaluate(() => document.activeElement !== document.body), name).toBe(true);
    }
    await page.context().close();
  });

  it("moves the bars between panes and chooses hosts on the map", async () => {
    const page = await running();
    const bar = page.getByRole("separator", { name: "Width of the editor" });
    const before = await page.locator(".code-pane").evaluate((dom) => dom.clientWidth);
    await bar.focus();
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => page.locator(".code-pane").evaluate((dom) => dom.clientWidth)).toBeLessThan(before);
    await page.locator("#tab-network").click();
    await page.locator(".node", { hasText: "client" }).focus();
    await page.keyboard.press("Enter");
    await page.locator(".network-side h2", { hasText: "client" }).waitFor();
    await page.context().close();
  });
});

describe("every dialog and state", () => {
  for (const colorScheme of ["light", "dark"] as const) {
    it(`has nothing for axe to find (${colorScheme})`, async () => {
      const page = await running({ colorScheme });
      const problems: string[] = [];
      for (const [name, open] of dialogs) {
        await open(page);
        await page.getByRole("dialog").last().waitFor();
        await page.waitForTimeout(150);
        problems.push(...(await accessibilityProblems(page)).map((problem) => `${name}: ${problem}`));
        await page.keyboard.press("Escape");
      }
      await page.locator("#tab-packets").click();
      await page.locator(".packets .row").last().click();
      await page.getByRole("button", { name: "Follow the stream" }).click();
      await page.locator(".stream").waitFor();
      problems.push(...(await accessibilityProblems(page)).map((problem) => `stream: ${problem}`));
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Stop" }).click();
      await page.locator(".lab-button").click();
      await page.getByRole("menuitem", { name: "New lab" }).click();
      for (const view of views) {
        await page.locator(`#tab-${view}`).click();
        await page.waitForTimeout(150);
        problems.push(...(await accessibilityProblems(page)).map((problem) => `empty ${view}: ${problem}`));
      }
      await page.context().close();
      const broken = await harness.open(await fragmentOf(labOf("-- kept\n", "crash")), { colorScheme });
      await broken.page.getByRole("alert").filter({ hasText: "broke down" }).waitFor();
      problems.push(...(await accessibilityProblems(broken.page)).map((problem) => `broken down: ${problem}`));
      await broken.page.context().close();
      expect(problems).toEqual([]);
    });
  }
});

describe("every screen", () => {
  for (const [name, viewport, textSize] of [
    ["a phone", { width: 390, height: 844 }, 100],
    ["a laptop", { width: 1280, height: 800 }, 100],
    ["a projector with large text", { width: 1920, height: 1080 }, 150],
  ] as const) {
    it(`is no wider than ${name}, in any view and dialog`, async () => {
      const page = await running({ viewport });
      if (textSize !== 100) {
        await page.getByRole("button", { name: "Settings" }).click();
        await page.getByRole("slider", { name: /^Text size/ }).fill("4");
        await page.getByText("Text size: 150 %").waitFor();
        await page.keyboard.press("Escape");
      }
      const tooWide = (): Promise<readonly string[]> =>
        page.evaluate(() => {
          const { clientWidth, scrollWidth } = document.documentElement;
          const boxes = [...document.querySelectorAll<HTMLElement>(".notes > *, .top-bar > *, .view-tools, .view-body, dialog[open] .dialog-body > *")];
          const outside = boxes.filter((dom) => dom.checkVisibility() && dom.getBoundingClientRect().right > clientWidth + 1).map((dom) => dom.className);
          return scrollWidth > clientWidth ? ["the page", ...outside] : outside;
        });
      if (viewport.width < 768) await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Views" }).click();
      for (const view of views) {
        await page.locator(`#tab-${view}`).click();
        await page.waitForTimeout(150);
        expect({ view, tooWide: await tooWide() }).toEqual({ view, tooWide: [] });
      }
      for (const [dialog, open] of dialogs.slice(0, 3)) {
        await open(page);
        await page.getByRole("dialog").last().waitFor();
        expect({ dialog, tooWide: await tooWide() }).toEqual({ dialog, tooWide: [] });
        await page.keyboard.press("Escape");
      }
      await page.context().close();
    });
  }

  it("has buttons that a finger can hit on a phone", async () => {
    const page = await running({ viewport: { width: 390, height: 844 }, hasTouch: true });
    const small = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("button, select, input")]
        .filter((dom) => dom.checkVisibility({ visibilityProperty: true }) && !dom.closest(".cm-editor"))
        .map((dom) => ({ name: dom.getAttribute("aria-label") ?? dom.textContent?.trim(), box: dom.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
        .map(({ name, box }) => `${name} ${Math.round(box.width)}x${Math.round(box.height)}`),
    );
    expect(small).toEqual([]);
    await page.context().close();
  });
});
