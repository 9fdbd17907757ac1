/**
 * Renews the README's picture, `docs/playground.png`: the page as a visitor meets it.
 *
 * Usage, after `cargo xtask build`: npm run --prefix web picture
 */

import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";
import { preview } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const picture = here("../../docs/playground.png");
const bytesMax = 200_000;
/** How long the connection takes to end after that, and the timeline to follow it. */
const settleMs = 700;

const site = process.argv[2] ?? here("../../dist");
const browserPath = [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const server = await preview({
  configFile: false,
  root: here(".."),
  build: { outDir: site },
  preview: { host: "127.0.0.1", port: 0 },
  logLevel: "error",
});
const browser = await chromium.launch({ ...(browserPath !== undefined && { executablePath: browserPath }), args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 }, colorScheme: "light" });
  await page.goto(server.resolvedUrls.local[0]);
  // The first example runs by itself; with the second answer its timeline has something to show.
  await page.getByText("2 visits so far").waitFor();
  await page.waitForTimeout(settleMs);
  await page.screenshot({ path: picture });
} finally {
  await browser.close();
  await server.close();
}
const bytes = statSync(picture).size;
if (bytes > bytesMax) throw new Error(`${picture} has ${bytes} bytes, more than ${bytesMax}`);
console.log(`${picture}: ${bytes} bytes`);
