/** The page and the real network: a relay beside it, a real server that a board calls, and a real client that calls a board. */

import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { accessibilityProblems, fragmentOf, Harness, labOf } from "./harness.ts";
import { type Relay, startRelay } from "./relay.ts";

let harness: Harness;
let relay: Relay;
let greeter: Server;

beforeAll(async () => {
  harness = await Harness.start("real");
  relay = await startRelay(harness.folder);
  greeter = createServer((socket) => socket.on("data", (data) => socket.end(`greetings, ${String(data)}`)));
  await new Promise<void>((done) => greeter.listen(0, "127.0.0.1", done));
});
afterAll(async () => {
  greeter.close();
  await relay.stop();
  await harness.stop();
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

describe("a relay", () => {
  it("leads boards to real servers and real clients to boards, and its going away is seen", async () => {
    const { port } = greeter.address() as AddressInfo;
    const [boardPort, closed] = [await closedPort(), await closedPort()];
    const program = `
net.createServer(net.TCP, 30):listen(${boardPort}, function(c)
  c:on("receive", function(c) c:send("HTTP/1.0 200 OK\\r\\n\\r\\nhello from the board") end)
  c:on("sent", function(c) c:close() end)
end)
function call(port)
  local s = net.createConnection(net.TCP, 0)
  s:on("connection", function(c) print("connected") c:send("board") end)
  s:on("receive", function(c, d) print("heard: " .. d) end)
  s:on("disconnection", function(c, e) print("gone " .. e) end)
  s:connect(port, "relay.lan")
  return s
end
print("ready")`;
    const context = await harness.browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${relay.port}/${await fragmentOf(labOf(program))}`);
    await page.locator(".line", { hasText: "ready" }).waitFor();

    await page.getByRole("button", { name: "Connect", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Connect" });
    // The page's own relay is found, and its pairing code with it.
    await expect.poll(() => dialog.getByLabel("Relay").inputValue()).toBe(`ws://127.0.0.1:${relay.port}/`);
    expect(await dialog.getByLabel("Pairing code").inputValue()).not.toBe("");
    await dialog.getByRole("button", { name: "Connect", exact: true }).click();
    await dialog.getByText(`Connected to ws://127.0.0.1:${relay.port} (Wisp 2)`).waitFor();

    await dialog.getByLabel("Port", { exact: true }).fill("not a port");
    await dialog.getByRole("button", { name: "Publish" }).click();
    await dialog.getByText("A port is a number from 1 to 65535.").waitFor();
    await dialog.getByLabel("Port", { exact: true }).fill(String(boardPort));
    await dialog.getByRole("button", { name: "Publish" }).click();
    const address = await dialog.locator(".port-address").textContent();
    expect(address).toBe(`127.0.0.1:${boardPort}`);
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await (await fetch(`http://${address}/`)).text()).toBe("hello from the board");
    await page.keyboard.press("Escape");

    const console_ = page.getByRole("textbox", { name: "Type to board" });
    await console_.fill(`s = call(${port})`);
    await console_.press("Enter");
    await page.locator(".line", { hasText: "heard: greetings, board" }).waitFor();
    await console_.fill(`s = call(${closed})`);
    await console_.press("Enter");
    await page.locator(".line", { hasText: "gone -9" }).waitFor();
    await page.getByRole("tab", { name: "Sequence" }).click();
    await page.locator(".event-box.uplink", { hasText: `127.0.0.1:${closed}: the far side refused it` }).waitFor();
    await page.getByRole("tab", { name: "Packets" }).click();
    await page.locator(".cell.info", { hasText: `127.0.0.1:${closed}: the far side refused it` }).first().waitFor();

    await page.getByRole("button", { name: "Connected" }).click();
    await relay.stop();
    await dialog.getByText("is out of reach").waitFor();
    await dialog.getByRole("button", { name: "Disconnect" }).click();
    await dialog.getByText("the lab has its built-in internet").waitFor();
    await context.close();
  });

  it("is asked for by an address in plain words", async () => {
    const { page } = await harness.open(await fragmentOf(labOf(`print("ready")`)));
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Connect" });
    await dialog.getByLabel("Relay").fill("gopher://somewhere");
    await dialog.getByRole("button", { name: "Connect", exact: true }).click();
    await dialog.getByText("A relay's address begins with ws:// or wss://.").waitFor();
    await page.context().close();
  });
});
