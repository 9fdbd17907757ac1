/** The element in pages of authors: from another origin, with no headers, beside foreign styles, under a strict policy. */

import { describe, expect, it } from "vitest";

import { accessibilityProblems, addressOf, serve } from "../web/harness.ts";
import { AuthorSite, playgrounds, runUntil, twoSites, visit } from "./author.ts";

const sites = twoSites();
const tag = (): string => `<script async src="${sites.harness.url}embed.js"></script>`;
const block = (program: string): string => `<pre><code class="language-lua">${program.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</code></pre>`;
const hello = 'print("hello from " .. node.chipid())\n';
const open = (body: string, options = {}): ReturnType<typeof visit> => sites.open(body + tag(), options);

describe("a block", () => {
  it("runs where it stands, and nothing heavy is loaded before", async () => {
    const { page, troubles, asked } = await open(`<nodemcu-playground>${block(hello)}</nodemcu-playground>`);
    const playground = playgrounds(page);
    await playground.getByRole("button", { name: "Run" }).waitFor();
    expect(asked).toEqual(["embed.js"]);
    await runUntil(playground, "hello from ");
    expect(troubles).toEqual([]);
  });

  it("may stand before the element, in a textarea, or in a script", async () => {
    const { page } = await open(
      `${block(hello)}<nodemcu-playground></nodemcu-playground>
       <nodemcu-playground><textarea>print("area " .. 1 + 1)</textarea></nodemcu-playground>
       <nodemcu-playground><script type="text/lua">
         if 1 < 2 then
           print("script " .. 1 + 2)
         end
       </script></nodemcu-playground>`,
    );
    await runUntil(playgrounds(page).nth(0), "hello from ");
    expect(await page.locator("pre:has(> code)").isVisible()).toBe(false);
    await runUntil(playgrounds(page).nth(1), "area 2");
    await runUntil(playgrounds(page).nth(2), "script 3");
    expect(await playgrounds(page).nth(2).locator(".cm-line").first().textContent()).toBe("if 1 < 2 then");
  });

  it("waits for the network when the program needs it, and says what fails", async () => {
    const { page } = await open(`<nodemcu-playground>${block('print("address", net.ifinfo(0).ip)\nlocal t = nil\nprint(t.x)')}</nodemcu-playground>`);
    await runUntil(playgrounds(page), "192.168.1.100");
    await playgrounds(page).locator(".line.error").filter({ hasText: "example.lua:3:" }).waitFor();
    await playgrounds(page).locator(".cm-lintRange-error").first().waitFor();
  });

  it("is edited, run again, and brought back", async () => {
    const { page } = await open(`<nodemcu-playground>${block(hello)}</nodemcu-playground>`);
    const playground = playgrounds(page);
    await playground.locator(".poster-code").click();
    await playground.locator(".cm-content").waitFor();
    await page.keyboard.press("Control+A");
    await page.keyboard.type('print("edited")');
    await page.keyboard.press("Control+Enter");
    await playground.locator(".line").filter({ hasText: /^edited|> edited/ }).waitFor();
    await playground.getByRole("button", { name: "Stop" }).click();
    await playground.locator(".line.remark").filter({ hasText: "stopped" }).waitFor();
    await playground.getByRole("button", { name: "Reset" }).click();
    await expect.poll(() => playground.locator(".cm-line").first().textContent()).toBe(hello.trim());
  });
});

describe("settings", () => {
  it("bring set-up code, files, other boards, the PC, a profile and a picture", async () => {
    const { page } = await open(
      `<template id="common">greeting = "from the set-up"</template>
       <nodemcu-playground setup="#common" files='{"words.lua": "return { word = \\"from a file\\" }"}' profile="chip 5.3" view="timeline" pc="curl http://192.168.1.100/">
         <script type="text/lua">
           print(greeting, dofile("words.lua").word, _VERSION)
           net.createServer(30):listen(80, function(c)
             c:on("receive", function(s, data) print("heard " .. data:match("^[^\\r\\n]*")) s:send("HTTP/1.0 200 OK\\r\\n\\r\\nwelcome") end)
             c:on("sent", function(s) s:close() end)
           end)
         </script>
         <script type="text/lua" data-board="visitor">
           local s = net.createConnection()
           s:on("connection", function(c) c:send("knock") end)
           s:connect(80, "192.168.1.100")
         </script>
       </nodemcu-playground>`,
    );
    const playground = playgrounds(page);
    await runUntil(playground, "from the set-up");
    await playground.locator(".line").filter({ hasText: "from a file" }).first().waitFor();
    await playground.locator(".line").filter({ hasText: "Lua 5.3" }).first().waitFor();
    await playground.locator(".line").filter({ hasText: "heard knock" }).waitFor();
    await playground.locator(".line").filter({ hasText: "heard GET / HTTP/1.1" }).waitFor();
    await playground.getByRole("tab", { name: "PC" }).click();
    await playground.locator(".line").filter({ hasText: "welcome" }).first().waitFor();
    expect(await playground.getByRole("tab", { name: "Timeline" }).getAttribute("aria-selected")).toBe("true");
    expect(await playground.getByRole("tab", { name: /\.lua/ }).allTextContents()).toEqual(["board: example.lua", "visitor: program.lua", "board: words.lua"]);
  });

  it("run by themselves, with a height, in the theme they name", async () => {
    const { page } = await open(`<nodemcu-playground autorun height="420" theme="dark">${block(hello)}</nodemcu-playground>`);
    await playgrounds(page).locator(".line").filter({ hasText: "hello from " }).waitFor();
    const box = await playgrounds(page).locator(".playground").evaluate((element) => [element.getBoundingClientRect().height, getComputedStyle(element).colorScheme]);
    expect(box).toEqual([420, "dark"]);
  });

  it("runs past breakpoints, which nobody there could go on from", async () => {
    const lab = { version: 1, boards: [{ name: "one", files: { "init.lua": 'local x = 6\nprint("went past " .. x)' } }], views: { breakpoints: { one: { "init.lua": [1, 2] } } } };
    const { page } = await open(`<nodemcu-playground><script type="application/json">${JSON.stringify(lab)}</script></nodemcu-playground>`);
    await runUntil(playgrounds(page), "went past 6");
    expect(await playgrounds(page).locator(".cm-breakpoints").count()).toBe(0);
  });

  it("can be a whole lab, whose checks are shown", async () => {
    const lab = { version: 1, boards: [{ name: "one", files: { "init.lua": 'print("is it enough?")' } }], checks: [{ type: "consoleContains", text: "enough" }] };
    const { page, troubles } = await open(`<nodemcu-playground><script type="application/json">${JSON.stringify(lab)}</script></nodemcu-playground>`);
    await runUntil(playgrounds(page), "is it enough?");
    await playgrounds(page).locator(".check[data-state='passed']").waitFor();
    expect(troubles).toEqual([]);
  });
});

describe("the page around", () => {
  it("and the element leave each other's styles alone", async () => {
    const hostile = `<style>html { font-size: 62.5% } * { letter-spacing: 3px; color: rgb(1, 2, 3); line-height: 3 } button, .button, .tab { background: rgb(255, 0, 0) !important; display: none } :root { --text: red; --surface: lime; --mono: cursive }</style>`;
    const { page } = await open(`${hostile}<p class="button line tab" id="own">own</p><nodemcu-playground autorun>${block(hello)}</nodemcu-playground>`);
    const playground = playgrounds(page);
    await playground.locator(".line").filter({ hasText: "hello from " }).waitFor();
    const styles = await playground.getByRole("button", { name: "Run again" }).evaluate((button) => {
      const { backgroundColor, letterSpacing, fontSize, display } = getComputedStyle(button);
      return { backgroundColor, letterSpacing, fontSize, display };
    });
    expect(styles).toEqual({ backgroundColor: "rgb(11, 106, 91)", letterSpacing: "normal", fontSize: "13px", display: "flex" });
    const rowHeight = await playground.locator(".virtual-list").evaluate((list) => getComputedStyle(list).getPropertyValue("--row-height"));
    expect(rowHeight).toBe("30px");
    expect(await page.locator("#own").evaluate((own) => getComputedStyle(own).borderTopWidth)).toBe("0px");
    expect(await page.evaluate(() => document.adoptedStyleSheets.length + document.querySelectorAll("style").length)).toBe(1);
  });

  it("may be dark, and may change its mind", async () => {
    const { page } = await open(`<style>body { background: #111 } body.light { background: #fff }</style><nodemcu-playground>${block(hello)}</nodemcu-playground>`);
    const theme = (): Promise<string | null> => playgrounds(page).locator(".playground").getAttribute("data-theme");
    await expect.poll(theme).toBe("dark");
    await page.evaluate(() => document.body.classList.add("light"));
    await expect.poll(theme).toBe("light");
  });

  it("may forbid almost everything", async () => {
    const policy = `default-src 'none'; script-src ${new URL(sites.harness.url).origin} 'wasm-unsafe-eval'; worker-src blob:; connect-src ${new URL(sites.harness.url).origin}; img-src 'self'`;
    const strict = await AuthorSite.start({ "content-security-policy": policy });
    try {
      const { page, troubles } = await visit(sites.harness, strict.url + strict.write(`<nodemcu-playground view="sequence">${block('local s = net.createConnection()\ns:on("receive", function(_, d) print(d) end)\ns:on("connection", function(c) c:send("GET /ip HTTP/1.0\\r\\nHost: httpbin.org\\r\\n\\r\\n") end)\ns:connect(80, "httpbin.org")')}</nodemcu-playground>${tag()}`));
      await runUntil(playgrounds(page), "203.0.113");
      const arrows = await playgrounds(page).locator(".arrow").evaluateAll((all) => all.map((arrow) => arrow.getBoundingClientRect().width));
      expect(Math.max(...arrows)).toBeGreaterThan(20);
      for (const tab of ["Timeline", "Packets"]) await playgrounds(page).getByRole("tab", { name: tab }).click();
      await page.waitForTimeout(300);
      expect(troubles).toEqual([]);
    } finally {
      strict.stop();
    }
  });

  it("may trust no address that is not named", async () => {
    const origin = new URL(sites.harness.url).origin;
    const strict = await AuthorSite.start({
      "content-security-policy": `default-src 'none'; script-src ${origin} 'wasm-unsafe-eval'; worker-src blob:; connect-src ${origin}; require-trusted-types-for 'script'; trusted-types nodemcu-playground lit-html`,
    });
    try {
      // The first command of the PC is in the engine's second part, which the worker then has to bring by itself.
      const { page, troubles } = await visit(sites.harness, strict.url + strict.write(`<nodemcu-playground pc="0s traceroute 192.168.1.1">${block(hello)}</nodemcu-playground><pre><code class="language-lua">net.createServer()\nprint("upgraded " .. 2 + 2)</code></pre>${tag().replace("async", "async data-upgrade")}`));
      await runUntil(playgrounds(page).first(), "hello from ");
      await playgrounds(page).first().getByRole("tab", { name: "PC" }).click();
      await playgrounds(page).first().locator(".line").filter({ hasText: "router.lan (192.168.1.1)" }).waitFor();
      for (const tab of ["Timeline", "Packets"]) await playgrounds(page).first().getByRole("tab", { name: tab }).click();
      await runUntil(playgrounds(page).nth(1), "upgraded 4");
      await page.waitForTimeout(300);
      expect(troubles).toEqual([]);
    } finally {
      strict.stop();
    }
  });

  it("shares one engine among its elements", async () => {
    const { page, asked } = await open([1, 2, 3].map((number) => `<nodemcu-playground>${block(`print("number ${number}")`)}</nodemcu-playground>`).join(""));
    for (const index of [0, 1, 2]) await runUntil(playgrounds(page).nth(index), `number ${index + 1}`);
    await expect.poll(() => asked.includes("embed/rest.wasm.js")).toBe(true);
    await runUntil(playgrounds(page).nth(0), "number 1");
    expect(asked.toSorted()).toEqual([expect.stringMatching(/playground_first-.*wasm$/), "embed.js", "embed/first.wasm.js", "embed/rest.wasm.js", "embed/runtime.js"]);
  });

  it("has the first part of the engine before it asks for the second", async () => {
    const { page, asked } = await open(`<nodemcu-playground>${block('print("at once")')}</nodemcu-playground>`);
    await runUntil(playgrounds(page), "at once");
    expect(asked).toContain("embed/first.wasm.js");
    expect(asked).not.toContain("embed/rest.wasm.js");
    await expect.poll(() => asked.includes("embed/rest.wasm.js")).toBe(true);
  });

  it("needs no second way to the engine when the playground's site permits fetching", async () => {
    const open = await serve(sites.harness.folder, { "access-control-allow-origin": "*" });
    try {
      const { page, troubles } = await visit(sites.harness, sites.author.url + sites.author.write(`<nodemcu-playground>${block(hello)}</nodemcu-playground><script async src="${addressOf(open)}embed.js"></script>`));
      const paths: string[] = [];
      page.on("request", (request) => void paths.push(new URL(request.url()).pathname));
      await runUntil(playgrounds(page), "hello from ");
      await expect.poll(() => paths.filter((path) => path.endsWith(".wasm")).length).toBe(2);
      expect(paths.filter((path) => path.endsWith(".wasm.js"))).toEqual([]);
      expect(troubles).toEqual([]);
    } finally {
      open.close();
    }
  });
});

describe("a reader", () => {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1280, 390]) {
      it(`meets nothing that axe finds, ${colorScheme}, ${width} wide`, async () => {
        const body = `<style>body { background: ${colorScheme === "dark" ? "#111; color: #eee" : "#fff"} }</style><main><h1>Page</h1><nodemcu-playground>${block('net.createServer(30):listen(80, print)\nprint("listening")')}</nodemcu-playground></main>`;
        const { page } = await open(body, { colorScheme, viewport: { width, height: 800 }, reducedMotion: "reduce" });
        await playgrounds(page).getByRole("button", { name: "Run" }).waitFor();
        expect(await accessibilityProblems(page)).toEqual([]);
        await runUntil(playgrounds(page), "listening");
        expect(await accessibilityProblems(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      });
    }
  }

  it("follows the link and finds the same program in the playground", async () => {
    const { page } = await open(`<nodemcu-playground>${block(hello)}</nodemcu-playground>`);
    const link = playgrounds(page).getByRole("link", { name: "Open in the playground" });
    await link.hover();
    const [opened] = await Promise.all([page.context().waitForEvent("page"), link.click()]);
    await opened.getByText("hello from ").first().waitFor();
  });
});
