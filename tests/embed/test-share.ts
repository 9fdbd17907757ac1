/** What the share dialog writes for authors: each form, pasted into a page of somebody else, shows the same lab. */

import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { formsOf } from "../../web/src/embed/forms.ts";
import { accessibilityProblems, fragmentOf, labOf } from "../web/harness.ts";
import { playgrounds, runUntil, twoSites } from "./author.ts";

const sites = twoSites();

const program = 'local text = "<b> & \\"quotes\\""\n\n\nif 1 < 2 then\n  print(text)\nend\n';
const single = labOf(program, 'A "title"');
const double = { ...labOf('print("keeper")'), boards: [{ name: "one", files: { "init.lua": 'print("first </script>")' } }, { name: "two", files: { "init.lua": 'print("second")' } }] };

/** Opens the dialog for `lab`; returns the page and what its field `name` holds. */
async function shared(lab: unknown, name: RegExp): Promise<{ readonly page: Page; readonly text: string }> {
  const { page } = await sites.harness.open(await fragmentOf(lab), { permissions: ["clipboard-read", "clipboard-write"] });
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByText("Put it into a page of yours").click();
  return { page, text: await page.getByRole("textbox", { name }).inputValue() };
}

describe("the share dialog", () => {
  it("gives an element that stands for a single program, readable and fit for Markdown", async () => {
    const { page, text } = await shared(single, /^Element/);
    expect(text).toContain("<pre><code");
    expect(text).not.toContain("\n\n");
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByRole("button", { name: "Copy the element" }).click();
    await page.getByText("The element is copied.").waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(text);
    const { page: theirs, troubles } = await sites.open(text);
    await runUntil(playgrounds(theirs), '<b> & "quotes"');
    expect(await playgrounds(theirs).evaluate((element) => (element as unknown as { files: { [name: string]: string } }).files["init.lua"])).toBe(program.trimEnd());
    expect(troubles).toEqual([]);
  });

  it("gives an element with the whole lab where it is more than a program", async () => {
    const { text } = await shared(double, /^Element/);
    const { page: theirs } = await sites.open(text);
    await runUntil(playgrounds(theirs), "first </script>");
    await playgrounds(theirs).getByRole("tab", { name: "two", exact: true }).click();
    await playgrounds(theirs).locator(".line").filter({ hasText: "second" }).waitFor();
  });

  it("gives a frame and a plain link", async () => {
    const { text: frame } = await shared(double, /^Frame/);
    const { page: framed } = await sites.open(frame);
    await framed.frameLocator("iframe").getByRole("button", { name: "Run" }).click();
    await framed.frameLocator("iframe").locator(".line").filter({ hasText: "first" }).first().waitFor();
    const { text: link } = await shared(single, /^Plain link/);
    const { page: linked } = await sites.open(link);
    await linked.getByRole("link", { name: 'A "title"' }).click();
    await linked.getByText("<b> &").first().waitFor();
  });
});

describe("the element's form", () => {
  it("is a program with its settings when that is all there is", () => {
    const { element } = formsOf({ version: 1, boards: [{ name: "kitchen", behaviour: "chip", lua: "5.3", files: { "init.lua": "print(1)" } }] }, "", "https://play.example/");
    expect(element).toBe(`<script async src="https://play.example/embed.js"></script>\n<nodemcu-playground profile="chip 5.3">\n<pre><code class="language-lua">print(1)</code></pre>\n</nodemcu-playground>`);
  });

  it("is the lab when a program would not say everything", () => {
    const lab = { version: 1, seed: 7, boards: [{ name: "board", files: { "init.lua": "print(1)" } }] };
    expect(formsOf(lab, "", "https://play.example/").element).toContain(JSON.stringify(lab));
  });
});
