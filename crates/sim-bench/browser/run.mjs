/**
 * Runs the measurements of this package in Chromium and prints their lines.
 *
 * `node run.mjs BUILD [WORD]`, where BUILD holds the module that `cargo xtask bench sim-browser` compiles; with a word, only
 * the measurements whose title contains it.
 */

import { resolve } from "node:path";

import { inChromium, tell } from "../../lua-bench/browser/chromium.mjs";

const [build, wanted = ""] = process.argv.slice(2);
const folders = { own: import.meta.dirname, build: resolve(build) };

await inChromium(folders, async (page, browser) => {
  page.on("console", (message) => tell(message.text()));
  tell(`Chromium ${browser.version()}`);
  await page.evaluate((word) => globalThis.measure(word), wanted);
});
