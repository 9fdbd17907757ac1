/** The views over a run of the real engine, as a person reads them: timeline, streams, map, names, tools of the PC. */

import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fragmentOf, Harness, labOf } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("real");
});
afterAll(() => harness.stop());

/** The first example after its first visit, standing still. */
async function stillExample(): Promise<Page> {
  const { page } = await harness.open("#example=web-server");
  await page.getByText("request 1 for /status").waitFor({ timeout: 20_000 });
  await page.getByText("1 visits so far").waitFor({ timeout: 20_000 });
  await page.getByRole("button", { name: "Pause time" }).click();
  return page;
}

const scrolledTo = (list: Locator): Promise<number> => list.evaluate((dom) => dom.scrollLeft);
const wide = (list: Locator): Promise<number> => list.evaluate((dom) => dom.scrollWidth);
const colourOf = (locator: Locator): Promise<string> => locator.evaluate((dom) => getComputedStyle(dom).color);

/** Types a command at the PC's prompt. */
async function typeAtPc(page: Page, line: string): Promise<void> {
  const input = page.getByRole("textbox", { name: "Type to PC" });
  await input.fill(line);
  await input.press("Enter");
}

/** Where on the timeline the pointer is told `text`: it is drawn, so the pointer looks for it as a person's would. */
async function placeOf(page: Page, text: string): Promise<{ readonly x: number; readonly y: number }> {
  const found = await page.locator(".timeline-scroll").evaluate((area, wanted) => {
    const { left, top, right, bottom } = area.getBoundingClientRect();
    const tip = document.querySelector<HTMLElement>(".timeline-tip");
    for (let y = top + 30; y < bottom; y += 3) {
      for (let x = left + 155; x < right; x += 3) {
        area.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
        if (tip?.hidden === false && tip.textContent?.includes(wanted)) return { x, y };
      }
    }
    return null;
  }, text);
  if (!found) throw new Error(`nothing on the timeline says “${text}”`);
  return found;
}

describe("the timeline", () => {
  it("zooms, shows everything at once, and follows until somebody looks back", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.getByText("3 visits so far").waitFor({ timeout: 30_000 });
    const area = page.locator(".timeline-scroll");
    const follow = page.getByRole("button", { name: "Follow" });
    expect(await follow.getAttribute("aria-pressed")).toBe("true");
    const end = await scrolledTo(area);
    expect(end).toBeGreaterThan(0);
    await page.getByText("4 visits so far").waitFor({ timeout: 30_000 });
    await expect.poll(() => scrolledTo(area)).toBeGreaterThan(end);
    await page.getByRole("button", { name: "Pause time" }).click();
    const usual = await wide(area);
    await page.getByRole("button", { name: "Zoom in" }).click();
    await expect.poll(() => wide(area)).toBeGreaterThan(usual * 1.2);
    await page.getByRole("button", { name: "All", exact: true }).click();
    await expect.poll(async () => (await wide(area)) - (await area.evaluate((dom) => dom.clientWidth))).toBeLessThan(2);
    await page.getByRole("button", { name: "Zoom in" }).click();
    await page.getByRole("button", { name: "Zoom in" }).click();
    await area.hover();
    await page.mouse.wheel(-400, 0);
    await expect.poll(() => follow.getAttribute("aria-pressed")).toBe("false");
    await follow.click();
    await expect.poll(async () => (await scrolledTo(area)) + (await area.evaluate((dom) => dom.clientWidth)) - (await wide(area))).toBeGreaterThan(-2);
    await page.context().close();
  });

  it("tells what is under the pointer, and shows its line, arguments and bytes when it is chosen", async () => {
    const page = await stillExample();
    const receive = await placeOf(page, "server runs its “receive” callback");
    await page.mouse.click(receive.x, receive.y);
    const inspector = page.locator(".inspector");
    await inspector.locator("h2", { hasText: "receive" }).waitFor();
    await inspector.locator("dl", { hasText: "Arguments" }).locator("code", { hasText: "GET /status" }).waitFor();
    await inspector.locator(".place", { hasText: "init.lua:6" }).first().waitFor();
    await inspector.locator(".hex", { hasText: "47 45" }).waitFor();
    expect((await inspector.locator("ol.chain li").allTextContents()).join("\n")).toMatch(/client calls net\.socket:send/);
    await page.context().close();
  });

  it("has arrows that lead to the frame they stand for", async () => {
    const page = await stillExample();
    const request = await placeOf(page, "client requests /status");
    await page.mouse.click(request.x, request.y);
    await page.locator(".inspector h2", { hasText: "frame" }).waitFor();
    await page.locator(".inspector .place", { hasText: /^number \d+/ }).click();
    await page.locator(".packets .row.chosen", { hasText: "HTTP" }).waitFor();
    await page.context().close();
  });

  it("shows only what fits the words and the switches", async () => {
    const page = await stillExample();
    const area = page.locator(".timeline-scroll");
    await page.getByRole("button", { name: "All", exact: true }).click();
    await page.getByRole("button", { name: "Zoom in" }).click();
    await page.getByRole("button", { name: "Zoom in" }).click();
    const all = await wide(area);
    await page.getByRole("searchbox", { name: "Filter" }).fill("receive");
    await expect.poll(() => wide(area)).toBeLessThan(all);
    await page.getByRole("searchbox", { name: "Filter" }).fill("");
    await page.getByRole("button", { name: /^Show \d/ }).click();
    await page.getByRole("checkbox", { name: /^Callbacks/ }).uncheck();
    await page.getByRole("checkbox", { name: /^Calls/ }).uncheck();
    await page.getByRole("button", { name: "Show 2 of 9" }).waitFor();
    await page.context().close();
  });
});

describe("a stream", () => {
  it("is followed in two colours, with who spoke said in words as well", async () => {
    const page = await stillExample();
    await page.locator("#tab-packets").click();
    await page.getByRole("searchbox", { name: "Filter the frames" }).fill("http");
    await page.locator(".packets .row").first().click();
    await page.locator(".packet-say .sentence", { hasText: "client requests /status from server" }).waitFor();
    await page.getByRole("button", { name: "Follow the stream" }).click();
    const [asks, answers] = [page.locator(".chunk", { hasText: "GET /status" }).first(), page.locator(".chunk", { hasText: "200 OK" }).first()];
    await answers.waitFor();
    expect(await colourOf(asks)).not.toBe(await colourOf(answers));
    expect(await page.locator(".stream-legend").textContent()).toMatch(/192\.168\.1\.101:\d+ says.*192\.168\.1\.100:80 says/s);
    await page.context().close();
  });
});

describe("the map", () => {
  it("shows frames on their way, and a host's leases, neighbours and sockets", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.locator("#tab-network").click();
    await page.locator(".flight").first().waitFor({ state: "attached", timeout: 30_000 });
    await page.locator(".node", { hasText: "router" }).click();
    const side = page.locator(".network-side");
    await side.locator("table", { hasText: "Until" }).locator("tr", { hasText: "192.168.1.101" }).waitFor();
    await page.locator(".node", { hasText: "server" }).first().click();
    await side.locator("tr", { hasText: "LISTEN" }).filter({ hasText: ":80" }).waitFor();
    await side.locator("tr", { hasText: "192.168.1.101" }).filter({ hasText: /([\da-f]{2}:){5}/ }).first().waitFor();
    await page.context().close();
  });

  it("has no frames in flight for somebody who wants no motion", async () => {
    const { page } = await harness.open("#example=web-server", { reducedMotion: "reduce" });
    await page.locator("#tab-network").click();
    await page.getByText("1 visits so far").waitFor({ timeout: 20_000 });
    expect(await page.locator(".flight").count()).toBe(0);
    await page.context().close();
  });

  it("turns a link's dials, which the frames then feel", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.getByText("1 visits so far").waitFor({ timeout: 20_000 });
    await page.locator("#tab-network").click();
    await page.locator(".node", { hasText: "client" }).click();
    await page.getByRole("slider", { name: /^Loss/ }).focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".link-label", { hasText: "1 % loss" }).waitFor();
    await page.keyboard.press("End");
    await page.locator(".link-label", { hasText: "100 % loss" }).waitFor();
    await page.locator("#tab-packets").click();
    await page.getByRole("searchbox", { name: "Filter the frames" }).fill("lost");
    await page.locator(".packets .row", { hasText: "✕ lost" }).first().waitFor({ timeout: 20_000 });
    await page.context().close();
  });

  it("keeps all hosts apart on a phone, inside the window", async () => {
    const { page } = await harness.open("#example=web-server", { viewport: { width: 390, height: 844 }, hasTouch: true });
    await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Views" }).click();
    await page.locator("#tab-network").click();
    await page.locator(".node").first().waitFor();
    await page.waitForTimeout(300);
    const boxes = await page.locator(".node > rect").evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect()).map(({ left, right, top, bottom }) => ({ left, right, top, bottom })));
    for (const [index, box] of boxes.entries()) {
      expect(box.right).toBeLessThanOrEqual(390);
      for (const other of boxes.slice(index + 1)) expect(box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom).toBe(false);
    }
    await page.context().close();
  });
});

describe("names", () => {
  it("that nobody can resolve are tried with one button, and the failure is told", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.locator(".board-tab small", { hasText: "192.168.1.100" }).waitFor({ timeout: 20_000 });
    await page.locator("#tab-dns").click();
    await page.getByRole("button", { name: "Try an unknown name" }).click();
    await page.locator(".dns tbody tr", { hasText: "nobody.invalid" }).filter({ hasText: "✕" }).first().waitFor({ timeout: 30_000 });
    await page.context().close();
  });

  it("are added to the zone and then found", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.locator(".board-tab small", { hasText: "192.168.1.100" }).waitFor({ timeout: 20_000 });
    await page.locator("#tab-dns").click();
    await page.locator(".zone input[placeholder='a new name']").fill("lamp.home");
    await page.keyboard.press("Enter");
    const row = page.locator(".zone tr").filter({ has: page.locator("td", { hasText: "lamp.home" }) });
    await row.waitFor();
    await row.locator("input").last().fill("192.168.1.100");
    await page.keyboard.press("Enter");
    await page.locator("#tab-pc").click();
    await expect
      .poll(async () => {
        await typeAtPc(page, "nslookup lamp.home");
        await page.waitForTimeout(500);
        return page.locator(".stage-pane .terminal-lines").textContent();
      }, { timeout: 20_000 })
      .toMatch(/lamp\.home\s*Address: 192\.168\.1\.100/);
    await page.context().close();
  });
});

describe("the PC", () => {
  it("listens with nc, for TCP and for UDP, and speaks to a board's server", async () => {
    const program = `net.createServer(30):listen(7, function(c) c:on("receive", function(s, d) s:send("echo " .. d) end) end)
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  tmr.create():alarm(700, tmr.ALARM_AUTO, function()
    local c = net.createConnection()
    c:on("connection", function(s) s:send("tcp to nc\\n", function() s:close() end) end)
    c:connect(5000, "192.168.1.50")
    net.createUDPSocket():send(5001, "192.168.1.50", "udp to nc\\n")
  end)
end)
`;
    const { page } = await harness.open(await fragmentOf(labOf(program)));
    await page.locator(".board-tab small", { hasText: "192.168.1.100" }).waitFor({ timeout: 20_000 });
    await page.locator("#tab-pc").click();
    const printed = page.locator(".stage-pane .line");
    await typeAtPc(page, "nc -l 5000");
    await printed.filter({ hasText: "tcp to nc" }).first().waitFor({ timeout: 20_000 });
    await page.getByRole("textbox", { name: "Type to PC" }).press("Control+c");
    await typeAtPc(page, "nc -u -l 5001");
    await printed.filter({ hasText: "udp to nc" }).first().waitFor({ timeout: 20_000 });
    await page.getByRole("textbox", { name: "Type to PC" }).press("Control+c");
    await typeAtPc(page, "nc 192.168.1.100 7");
    await page.waitForTimeout(600);
    await typeAtPc(page, "hello there");
    await printed.filter({ hasText: "echo hello there" }).first().waitFor({ timeout: 20_000 });
    await page.getByRole("textbox", { name: "Type to PC" }).press("Control+c");
    await typeAtPc(page, "nslookup www.nodemcu.com");
    await printed.filter({ hasText: "Non-authoritative answer" }).first().waitFor({ timeout: 20_000 });
    await page.context().close();
  });

  it("shows pages in a frame that can reach neither the page around it nor the world", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.getByText("1 visits so far").waitFor({ timeout: 20_000 });
    await page.locator("#tab-browser").click();
    await page.getByRole("button", { name: /^Open server/ }).click();
    await page.frameLocator(".browser iframe").getByRole("heading", { name: "Hello from a board" }).waitFor({ timeout: 20_000 });
    const sandbox = (await page.locator(".browser iframe").getAttribute("sandbox")) ?? "";
    expect(sandbox).not.toContain("allow-same-origin");
    expect(sandbox).not.toContain("allow-top-navigation");
    await page.context().close();
  });
});
