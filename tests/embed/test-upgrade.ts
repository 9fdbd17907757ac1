/** Upgrade mode: the markup that generators make of a Lua block becomes a playground in its place. */

import { describe, expect, it } from "vitest";

import { playgrounds, runUntil, twoSites, type visit } from "./author.ts";

const sites = twoSites();

const program = 'net.createServer(30)\nprint("ran " .. 6 * 7)\n';
const open = (body: string, tag: string): ReturnType<typeof visit> => sites.open(`${body}<script async ${tag}></script>`);
const source = (query = ""): string => `src="${sites.harness.url}embed.js${query}"`;

/** What each generator writes for a fenced Lua block, taken from their output. */
const markups: Readonly<{ [generator: string]: string }> = {
  "Markdown, CommonMark": `<pre><code class="language-lua">${program}</code></pre>`,
  "mdBook": `<pre><code class="language-lua hljs">${program}</code></pre>`,
  "mkdocs with highlighting": `<div class="language-lua highlight"><pre><span></span><code><span class="n">net</span><span class="p">.</span>${program.slice(4)}</code></pre></div>`,
  "VitePress": `<div class="language-lua vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">lua</span><pre class="shiki"><code><span class="line">${program}</span></code></pre></div>`,
  "Sphinx": `<div class="highlight-lua notranslate"><div class="highlight"><pre><span></span>${program}</pre></div></div>`,
  "Jekyll": `<div class="language-lua highlighter-rouge"><div class="highlight"><pre class="highlight"><code>${program}</code></pre></div></div>`,
  "Hugo": `<div class="highlight"><pre tabindex="0" class="chroma"><code class="language-lua" data-lang="lua">${program}</code></pre></div>`,
};

describe("upgrade mode", () => {
  for (const [generator, markup] of Object.entries(markups)) {
    it(`makes a block of ${generator} runnable`, async () => {
      const { page, troubles } = await open(`<article>${markup}</article>`, `${source()} data-upgrade`);
      await runUntil(playgrounds(page), "ran 42");
      expect(await playgrounds(page).count()).toBe(1);
      expect(await playgrounds(page).locator(".cm-line").first().textContent()).toBe("net.createServer(30)");
      expect(troubles).toEqual([]);
    });
  }

  it("takes programs that use net, and leaves the others and those that are marked", async () => {
    const { page } = await open(
      `<pre><code class="language-lua">print("no network")</code></pre><pre class="no-playground"><code class="language-lua">${program}</code></pre>
       <pre><code class="language-js">net.createServer(30)</code></pre><pre><code class="language-lua">-- playground: view=timeline title="Mine"\n${program}</code></pre>`,
      `${source()} data-upgrade`,
    );
    await playgrounds(page).getByText("Mine", { exact: true }).waitFor();
    expect(await playgrounds(page).count()).toBe(1);
    await runUntil(playgrounds(page), "ran 42");
    expect(await playgrounds(page).getByRole("tab", { name: "Timeline" }).getAttribute("aria-selected")).toBe("true");
  });

  it("takes its options from the tag or from its address", async () => {
    const body = `<div class="mine"><pre>print("mine " .. 1 + 1)</pre></div><pre><code class="language-lua">${program}</code></pre>`;
    for (const tag of [`${source()} data-upgrade=".mine pre" data-match="print" data-view="packets"`, source("?upgrade=.mine%20pre&match=print&view=packets")]) {
      const { page } = await open(body, tag);
      await runUntil(playgrounds(page), "mine 2");
      expect(await playgrounds(page).count()).toBe(1);
      expect(await playgrounds(page).getByRole("tab", { name: "Packets" }).getAttribute("aria-selected")).toBe("true");
    }
  });

  it("prepares a block only when it comes near", async () => {
    const { page } = await open(`<p style="height:5000px">far</p><pre><code class="language-lua">${program}</code></pre>`, `${source()} data-upgrade`);
    await playgrounds(page).waitFor({ state: "attached" });
    expect(await playgrounds(page).evaluate((element) => element.shadowRoot)).toBe(null);
    await playgrounds(page).scrollIntoViewIfNeeded();
    await runUntil(playgrounds(page), "ran 42");
  });
});
