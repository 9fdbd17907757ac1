/** The whole product in a browser: programs run in WebAssembly, boards talk, the PC looks at them. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fragmentOf, Harness, labOf } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start("real");
});
afterAll(() => harness.stop());

/** A server that answers every request with a page of two links and a form. */
const siteProgram = `net.createServer(30):listen(80, function(connection)
  connection:on("receive", function(socket, request)
    local line = request:match("^[^\\r\\n]*")
    print(line)
    if line:find("favicon") then
      socket:send("HTTP/1.0 404 Not Found\\r\\n\\r\\n")
    else
      socket:send("HTTP/1.0 200 OK\\r\\nContent-Type: text/html\\r\\n\\r\\n<title>Board</title><h1>" .. line .. "</h1>"
        .. "<a href='/next'>next page</a><form method='post' action='/form'><input name='word' value='hello'><button>send it</button></form>"
        .. "<script>fetch('/from-script').then(function(r) { return r.text() }).then(function(t) { document.title = t })</script>")
    end
  end)
  connection:on("sent", function(socket) socket:close() end)
end)
print("ready")
`;

describe("a program", () => {
  it("prints, and its timer goes on", async () => {
    const { page, troubles } = await harness.open(await fragmentOf(labOf(`print("hello from Lua " .. 6 * 7)\nlocal n = 0\ntmr.create():alarm(200, tmr.ALARM_AUTO, function() n = n + 1 print("count " .. n) end)\n`)));
    await page.getByText("hello from Lua 42").waitFor();
    await page.getByText("count 3").waitFor();
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  it("that fails names its line, which is marked and can be clicked", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(`-- one\nlocal t = nil\nprint(t.x)\n`)));
    const place = page.getByRole("button", { name: "init.lua:3" }).first();
    await place.waitFor();
    await page.locator(".cm-lintRange-error").first().waitFor();
    await place.click();
    await expect.poll(() => page.evaluate(() => document.activeElement?.classList.contains("cm-content"))).toBe(true);
    await page.context().close();
  });

  it("that never ends does not freeze the page, and Stop stops it at once", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(`print("on and on")\nwhile true do end\n`)));
    await page.locator(".line", { hasText: "on and on" }).waitFor();
    const before = Date.now();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Run", exact: true }).first().waitFor();
    expect(Date.now() - before).toBeLessThan(1500);
    await page.getByText("— stopped —").waitFor();
    await page.getByRole("button", { name: "Run", exact: true }).first().click();
    await page.locator(".line", { hasText: "on and on" }).waitFor();
    await page.context().close();
  });

  it("is typed at the console, which remembers", async () => {
    const { page } = await harness.open(await fragmentOf(labOf("")));
    const input = page.getByRole("textbox", { name: "Type to board" });
    await page.locator(".terminal-prompt", { hasText: ">" }).waitFor();
    await input.fill("=1+1");
    await input.press("Enter");
    await page.locator(".line", { hasText: /^2$/ }).waitFor();
    await input.press("ArrowUp");
    expect(await input.inputValue()).toBe("=1+1");
    await page.context().close();
  });

  it("drives the LED and reads the button", async () => {
    const program = `gpio.mode(4, gpio.OUTPUT)\ngpio.mode(3, gpio.INPUT, gpio.PULLUP)\ntmr.create():alarm(50, tmr.ALARM_AUTO, function() gpio.write(4, gpio.read(3)) end)\nprint("blinks")\n`;
    const { page } = await harness.open(await fragmentOf(labOf(program)));
    await page.locator(".line", { hasText: "blinks" }).waitFor();
    const button = page.getByRole("button", { name: "Button" });
    await button.hover();
    await page.mouse.down();
    await page.getByText("LED on").waitFor();
    await page.mouse.up();
    await page.getByText("LED off").waitFor();
    await page.context().close();
  });
});

describe("the network", () => {
  it("carries one board's send to the other's receive, and the cause with it", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.getByText("request 1 for /status").waitFor({ timeout: 20_000 });
    await page.getByRole("button", { name: "Pause time" }).click();
    await page.locator("#tab-transcript").click();
    await page.getByRole("searchbox", { name: "Filter" }).fill("server runs receive");
    await page.locator(".transcript .row").first().click();
    await expect.poll(async () => (await page.locator(".inspector ol.chain").textContent()) ?? "").toMatch(/client calls net\.socket:send/);
    await page.context().close();
  });

  it("shows a frame's layers and bytes, and a stream", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.getByText("request 1 for /status").waitFor({ timeout: 20_000 });
    await page.getByRole("button", { name: "Pause time" }).click();
    await page.locator("#tab-packets").click();
    const search = page.getByRole("searchbox", { name: "Filter the frames" });
    await search.fill("port 80 syn");
    await expect.poll(() => page.locator(".packets .row .info").allTextContents()).toEqual(expect.arrayContaining([expect.stringMatching(/\[SYN\] Seq=0 /), expect.stringMatching(/\[SYN, ACK\] Seq=0 Ack=1 /)]));
    // On the wire they are others, and the details say so.
    await page.locator(".packets .row").first().click();
    await expect.poll(async () => Number(await page.locator(".layer dt", { hasText: "Sequence number" }).locator("xpath=following-sibling::dd").textContent())).toBeGreaterThan(1);
    await search.fill("port 80 data");
    await page.locator(".packets .row").first().click();
    await page.locator(".layer summary", { hasText: "IPv4" }).waitFor();
    await page.getByRole("button", { name: "Follow the stream" }).click();
    await page.locator(".stream", { hasText: "GET /status" }).waitFor();
    await page.context().close();
  });

  it("opens a board's page on the PC: links, forms, scripts and the icon", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(siteProgram)));
    await page.locator(".board-tab small", { hasText: "192.168.1.100" }).waitFor({ timeout: 20_000 });
    await page.locator("#tab-browser").click();
    await page.getByRole("button", { name: /^Open board/ }).click();
    const frame = page.frameLocator(".browser iframe");
    await frame.getByRole("heading", { name: "GET / HTTP/1.1" }).waitFor({ timeout: 20_000 });
    await frame.getByRole("link", { name: "next page" }).click();
    await frame.getByRole("heading", { name: /GET \/next/ }).waitFor({ timeout: 20_000 });
    await frame.getByRole("button", { name: "send it" }).click();
    await frame.getByRole("heading", { name: /POST \/form/ }).waitFor({ timeout: 20_000 });
    await page.getByRole("button", { name: "Back", exact: true }).click();
    await frame.getByRole("heading", { name: /GET \/next/ }).waitFor({ timeout: 20_000 });
    await page.locator("#tab-console").click();
    await page.getByText(/GET \/favicon\.ico/).first().waitFor();
    await page.getByText(/GET \/from-script/).first().waitFor({ timeout: 20_000 });
    await page.context().close();
  });

  it("answers the PC's tools", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(siteProgram)));
    await page.locator(".board-tab small", { hasText: "192.168.1.100" }).waitFor({ timeout: 20_000 });
    await page.locator("#tab-pc").click();
    const input = page.getByRole("textbox", { name: "Type to PC" });
    await input.fill("ping -c 1 192.168.1.100");
    await input.press("Enter");
    await page.locator(".stage-pane .line", { hasText: /from 192\.168\.1\.100/ }).first().waitFor({ timeout: 20_000 });
    await page.waitForTimeout(1500);
    await input.fill("curl http://192.168.1.100/tool");
    await input.press("Enter");
    await page.locator(".stage-pane .line", { hasText: "GET /tool" }).first().waitFor({ timeout: 20_000 });
    await page.context().close();
  });

  it("pings with one click and shows the way of each echo", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(siteProgram)));
    await page.locator(".board-tab small", { hasText: "192.168.1.100" }).waitFor({ timeout: 20_000 });
    await page.locator("#tab-ping").click();
    await page.locator(".ping-target", { hasText: "router" }).click();
    await page.locator(".ping tbody tr", { hasText: /ms|µs/ }).first().waitFor({ timeout: 20_000 });
    await page.context().close();
  });

  it("resolves names, and a name made unknown in the page is unknown", async () => {
    const { page } = await harness.open("#example=manual-dns-resolve");
    await page.locator(".dns tbody tr", { hasText: "www.google.com" }).locator("text=✓").first().waitFor({ timeout: 20_000 });
    await page.getByRole("combobox", { name: "What is answered for www.google.com" }).selectOption("unknown");
    await page.locator(".dns .tag", { hasText: "edited" }).waitFor();
    await page.getByRole("button", { name: /^Run/ }).first().click();
    await page.getByText("DNS fail!").waitFor({ timeout: 30_000 });
    await page.context().close();
  });

  it("loses what a dial says it loses", async () => {
    const { page } = await harness.open("#example=web-server");
    await page.getByText("request 1 for /status").waitFor({ timeout: 20_000 });
    await page.locator("#tab-network").click();
    await page.locator(".node", { hasText: "client" }).click();
    await page.getByRole("button", { name: "Cut the link" }).click();
    await page.locator(".link.down").waitFor({ state: "attached" });
    await page.context().close();
  });
});

describe("time", () => {
  it("steps to the next callback, and runs faster when told", async () => {
    const { page } = await harness.open("#example=hello");
    await page.getByText("second 1").waitFor({ timeout: 20_000 });
    await page.getByRole("button", { name: "Callback" }).click();
    await page.locator(".inspector h2", { hasText: "timer" }).waitFor();
    const clock = page.locator(".clock");
    const stopped = await clock.textContent();
    await page.waitForTimeout(400);
    expect(await clock.textContent()).toBe(stopped);
    await page.getByRole("combobox", { name: "Speed" }).selectOption("100");
    await page.getByRole("button", { name: "Let time go on" }).click();
    await page.getByText("second 60").waitFor({ timeout: 20_000 });
    await page.context().close();
  });
});
