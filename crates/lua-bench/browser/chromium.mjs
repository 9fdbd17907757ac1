/** A page of some folders on this machine in Chromium, for the benchmarks that run in a browser. */

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

import { chromium } from "playwright-core";

const contentTypes = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const chromiumPaths = [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The file of a URL: its first step names one of `folders`; what names none lies in `folders.own`. */
function fileOf(url, folders) {
  const path = new URL(url, "http://localhost").pathname;
  const [, name, rest] = /^\/([^/]+)\/(.*)$/.exec(path) ?? [];
  return name in folders ? join(folders[name], rest) : join(folders.own, path);
}

export const tell = (text) => void process.stdout.write(`    ${text}\n`);

/** Opens `page.html` of `folders.own` and gives what `use` makes of the page and the browser, which are gone afterwards. */
export async function inChromium(folders, use) {
  const server = createServer((request, response) => {
    const file = fileOf(request.url, folders);
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": contentTypes[extname(file)] ?? "application/octet-stream" }).end(readFileSync(file));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const executablePath = chromiumPaths.find((path) => path !== "" && existsSync(path));
  if (executablePath === undefined) throw new Error("No Chromium was found; name one in CHROMIUM.");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => tell(`error in the page: ${error.message}`));
    await page.goto(`http://127.0.0.1:${server.address().port}/page.html`);
    await page.waitForFunction("globalThis.isReady", undefined, { timeout: 15_000 });
    return await use(page, browser);
  } finally {
    await browser.close();
    server.close();
  }
}
