/** Rooms in real pages: tabs of one browser, and a workshop of thirty boards with a teacher and a pupil on a phone. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import readQrCode from "jsqr";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { lessons } from "../../web/src/examples/lessons.ts";
import { accessibilityProblems, fragmentOf, Harness, labOf } from "./harness.ts";
import { playgroundCommand, type Relay, startRelay } from "./relay.ts";

/** From following the link to a running board with an address, in milliseconds. */
const joinWallMsMax = 5000;
const clientCount = 30;

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("real");
}, 240_000);
afterAll(() => harness.stop());

const address = /192\.168\.1\.\d+/;

/** The address of a page's first board, once it has one. */
async function addressOf(page: Page): Promise<string> {
  const place = page.locator(".board-tab small, .board-tab, [id^='board-tab-']").filter({ hasText: address }).first();
  await place.waitFor({ state: "attached" });
  return address.exec((await place.textContent()) ?? "")?.[0] ?? "";
}

async function joinTabs(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: /^(Connect|Room)/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Your name").fill(name);
  await dialog.getByRole("button", { name: "Share with the other tabs of this browser" }).click();
  await dialog.getByText("You share one network").waitFor();
  await page.keyboard.press("Escape");
}

describe("tabs of one browser", () => {
  const greets = (name: string): string => `
    local socket = net.createUDPSocket()
    socket:listen(6000)
    socket:on("receive", function(_, text, _, ip) print(ip .. " said " .. text) end)
    tmr.create():alarm(1000, tmr.ALARM_AUTO, function()
      if wifi.sta.getip() then socket:send(6000, "255.255.255.255", "greetings from ${name}") end
    end)`;

  it("share one network, and the second takes over when the first goes", async () => {
    const { page: first } = await harness.open(await fragmentOf(labOf(greets("one"))));
    await joinTabs(first, "One");
    const second = await first.context().newPage();
    const troubles: string[] = [];
    second.on("pageerror", (error) => troubles.push(String(error)));
    await second.goto(harness.url + (await fragmentOf(labOf(greets("two")))));
    await joinTabs(second, "Two");
    // The first tab is hidden now: its board goes on, and so does the router that it keeps.
    await second.getByText(/192\.168\.1\.\d+ said greetings from one/).first().waitFor();
    const own = await addressOf(second);
    await second.locator("#tab-network").click();
    await second.getByText("board (One)").waitFor();
    await first.close();
    await expect.poll(() => second.getByText("board (One)").count()).toBe(0);
    await second.getByRole("button", { name: /^Room/ }).click();
    await second.getByText("This page’s router serves it").waitFor();
    await second.keyboard.press("Escape");
    await second.getByRole("button", { name: "Run again" }).click();
    await expect.poll(() => addressOf(second)).toBe(own);
    const third = await second.context().newPage();
    await third.goto(harness.url + (await fragmentOf(labOf(greets("three")))));
    await joinTabs(third, "Three");
    expect(await addressOf(third)).not.toBe(own);
    await third.getByText(`${own} said greetings from two`).first().waitFor();
    expect(troubles).toEqual([]);
    await third.context().close();
  }, 60_000);
});

describe("a workshop", () => {
  const folder = mkdtempSync(join(tmpdir(), "playground-workshop-"));
  const clients: ChildProcess[] = [];
  const heard = new Map<number, string>();
  let relay: Relay;

  beforeAll(async () => {
    relay = await startRelay(harness.folder, "--workshop");
    const program = String(lessons[0]?.lab.boards?.[0]?.files?.["init.lua"]);
    writeFileSync(join(folder, "lamp.lua"), program);
  }, 240_000);
  afterAll(async () => {
    for (const client of clients) client.kill();
    await relay.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const linkOf = (who: "teacher" | "pupils"): string => new RegExp(`${who}:\\s+(\\S+)`).exec(relay.lines.join("\n"))?.[1] ?? "";
  /** As a pupil's machine has it: not this machine's own name, so without what browsers keep for safe origins. */
  const pupilLink = (): string => linkOf("pupils").replace(/\/\/[^/]+/, `//0.0.0.0:${relay.port}`);
  const roomUrl = (): string => `ws://127.0.0.1:${relay.port}/room/${/pair=(\w+)/.exec(linkOf("pupils"))?.[1]}/workshop`;

  function startClient(number: number): void {
    const client = spawn(playgroundCommand(), ["run", join(folder, "lamp.lua"), "--room", roomUrl(), "--name", `Pupil ${number}`, "--seat", `seat ${number}`, "--until", "120s"], { stdio: ["ignore", "pipe", "inherit"] });
    client.stdout.on("data", (data: Buffer) => heard.set(number, (heard.get(number) ?? "") + data.toString()));
    clients.push(client);
  }

  async function follow(link: string, name: string, button: string, phone: boolean): Promise<Page> {
    const context = await harness.browser.newContext({ viewport: phone ? { width: 390, height: 844 } : { width: 1280, height: 800 }, hasTouch: phone });
    const page = await context.newPage();
    await page.goto(link);
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: button, exact: true }).click();
    return page;
  }

  it("puts a teacher, a pupil on a phone and thirty boards on one network", async () => {
    for (let number = 1; number <= clientCount; number++) startClient(number);
    const teacher = await follow(linkOf("teacher"), "Ada", "Open", false);
    await teacher.getByText(`${clientCount} pupils`).waitFor();
    const cards = teacher.locator(".pupil");
    await expect.poll(async () => (await cards.allTextContents()).filter((text) => address.test(text)).length, { timeout: 30_000 }).toBe(clientCount);
    const addresses = (await cards.allTextContents()).map((text) => address.exec(text)?.[0]);
    expect(new Set(addresses).size).toBe(clientCount);

    // Hand out the lesson; a pupil who follows the link later gets it too.
    await teacher.getByRole("button", { name: "Examples" }).click();
    await teacher.getByRole("dialog").getByText("Lesson 1: Lamps in the room").click();
    await teacher.locator("#tab-class").click();
    await teacher.getByRole("button", { name: "Hand out this lab" }).click();
    await teacher.getByRole("dialog").getByRole("button", { name: "Hand it out" }).click();

    const begin = performance.now();
    const pupil = await follow(pupilLink(), "Mia", "Join", true);
    expect(await pupil.evaluate(() => isSecureContext)).toBe(false);
    const own = await addressOf(pupil);
    const wallMs = performance.now() - begin;
    console.log(`from a workshop's link to a board with an address: ${Math.round(wallMs)} ms`);
    expect(wallMs).toBeLessThan(joinWallMsMax);
    expect(await pupil.getByText("Lesson 1: Lamps").first().isVisible()).toBe(true);
    expect(addresses).not.toContain(own);
    expect(await pupil.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await teacher.getByText(`${clientCount + 1} pupils`).waitFor();
    await teacher.locator(".pupil", { hasText: "Mia" }).getByText(own).first().waitFor();

    // One word to all lamps.
    await pupil.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Consoles" }).click();
    const console_ = pupil.getByPlaceholder(/type Lua/).first();
    await console_.fill('tell("255.255.255.255", "on")');
    await console_.press("Enter");
    await expect.poll(() => [...heard.values()].filter((text) => text.includes(`${own} says: on`)).length, { timeout: 20_000 }).toBe(clientCount);

    // Everybody is on the teacher's map.
    await teacher.locator("#tab-network").click();
    await teacher.getByText("lamp (Mia)").waitFor();
    expect(await teacher.locator(".node", { hasText: "(Pupil " }).count()).toBe(clientCount);

    // A look needs a yes.
    await teacher.locator("#tab-class").click();
    const card = teacher.locator(".pupil", { hasText: "Mia" });
    await card.getByRole("button", { name: "Ask to look" }).click();
    await pupil.getByRole("button", { name: "Yes, look" }).click();
    await card.getByRole("button", { name: "Look", exact: true }).click();
    await expect.poll(() => teacher.locator(".look-file").inputValue()).toContain("Lamps in the room");
    await teacher.getByLabel("Type at Mia’s console").fill("print('help ' .. 'is here')");
    await teacher.getByLabel("Type at Mia’s console").press("Enter");
    await pupil.getByText("help is here").first().waitFor();
    expect(await accessibilityProblems(teacher)).toEqual([]);
    expect(await accessibilityProblems(pupil)).toEqual([]);
    await pupil.getByRole("button", { name: "End it" }).click();
    await card.getByRole("button", { name: /Said no/ }).waitFor();

    // A pause stops everybody's time.
    await teacher.getByRole("button", { name: "Pause the room" }).click();
    await pupil.getByText("The teacher has stopped the room").waitFor();
    await teacher.getByRole("button", { name: "Let the room go on" }).click();
    await expect.poll(() => pupil.getByText("The teacher has stopped the room").count()).toBe(0);

    // A reload brings the same person with the same address.
    await pupil.reload();
    expect(await addressOf(pupil)).toBe(own);
    await teacher.getByText(`${clientCount + 1} pupils`).waitFor();
    for (const page of [teacher, pupil]) await page.context().close();
  }, 120_000);

  it("takes any name, tells twins apart, and shows its link as a picture that a phone can read", async () => {
    const teacher = await follow(linkOf("teacher"), "Ada", "Open", false);
    await teacher.getByRole("button", { name: "Link and QR code" }).click();
    const code = teacher.getByRole("img", { name: "The link as a QR code" });
    const { data, width, height } = await code.evaluate(async (picture) => {
      const image = new Image();
      image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(picture))}`;
      await image.decode();
      const canvas = new OffscreenCanvas(400, 400);
      const pen = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
      pen.drawImage(image, 0, 0, 400, 400);
      const pixels = pen.getImageData(0, 0, 400, 400);
      return { data: Array.from(pixels.data), width: pixels.width, height: pixels.height };
    });
    const read = readQrCode(Uint8ClampedArray.from(data), width, height)?.data ?? "";
    expect(read).toBe(await teacher.getByLabel("Link for the others").inputValue());
    await teacher.keyboard.press("Escape");

    // Who scans it stands in the room, by whatever name.
    const names = ["Mia", "Mia", "<b>Łukasz</b> “Ω” 学生", "x".repeat(60)];
    const pupils: Page[] = [];
    for (const name of names) pupils.push(await follow(read.replace(/\/\/[^/]+/, `//0.0.0.0:${relay.port}`), name, "Join", true));
    for (const name of ["Mia", "Mia (2)", names[2] ?? ""]) await teacher.getByRole("heading", { name, exact: true }).waitFor();
    const bodies = await teacher.locator(".pupil").evaluateAll((cards) => cards.map((card) => card.scrollWidth <= card.clientWidth + 1));
    expect(bodies).not.toContain(false);
    await teacher.getByRole("button", { name: "Send Mia (2) out of the room" }).click();
    await teacher.getByRole("dialog").getByText("Send Mia (2) out?").waitFor();
    for (const page of [teacher, ...pupils]) await page.context().close();
  }, 60_000);
});
