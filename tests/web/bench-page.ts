/** How fast the page is: prints one line for each promise. */

import { afterAll, beforeAll, expect, it } from "vitest";

import { fragmentOf, Harness, labOf } from "./harness.ts";

let real: Harness;
let fixture: Harness;

beforeAll(async () => {
  real = await Harness.start("real");
  fixture = await Harness.start("fixture");
}, 600_000);
afterAll(async () => {
  await real.stop();
  await fixture.stop();
});

const tell = (text: string): void => void process.stdout.write(`    ${text}\n`);

it("prints the first line soon after navigation", async () => {
  const context = await real.browser.newContext();
  const times: number[] = [];
  const sizes: number[] = [];
  for (let visit = 0; visit < 6; visit++) {
    const page = await context.newPage();
    let bytes = 0;
    page.on("response", (response) => void (bytes += Number(response.headers()["content-length"] ?? 0)));
    const begin = performance.now();
    await page.goto(`${real.url}${await fragmentOf(labOf('print("first line")'))}`);
    await page.locator(".line", { hasText: "first line" }).waitFor();
    times.push(performance.now() - begin);
    sizes.push(bytes);
    await page.close();
  }
  tell(`first printed line: cold ${times[0]?.toFixed(0)} ms, warm ${Math.min(...times.slice(1)).toFixed(0)} to ${Math.max(...times.slice(1)).toFixed(0)} ms`);
  await context.close();
}, 120_000);

it("draws at 60 frames a second with ten thousand records", async () => {
  const lab = { ...labOf("", "heavy"), boards: [{ name: "server", files: {} }, { name: "client", files: {} }] };
  for (const view of ["timeline", "sequence", "packets", "transcript"]) {
    const { page } = await fixture.open(await fragmentOf(lab));
    await page.locator(`#tab-${view}`).click();
    const result = await page.evaluate(async () => {
      const long: number[] = [];
      new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration))).observe({ entryTypes: ["longtask"] });
      await new Promise((done) => setTimeout(done, 6000));
      long.length = 0;
      const gaps: number[] = [];
      let last = performance.now();
      await new Promise<void>((done) => {
        const frame = (now: number): void => {
          gaps.push(now - last);
          last = now;
          if (gaps.length < 300) requestAnimationFrame(frame);
          else done();
        };
        requestAnimationFrame(frame);
      });
      const ordered = gaps.slice(1).sort((a, b) => a - b);
      return { mean: ordered.reduce((sum, gap) => sum + gap, 0) / ordered.length, p95: ordered[Math.floor(ordered.length * 0.95)] ?? 0, long };
    });
    await page.locator("#tab-transcript").click();
    const records = await page.locator(".transcript [role=status]").textContent();
    tell(`${view}: ${(1000 / result.mean).toFixed(0)} frames/s, 95 % within ${result.p95.toFixed(1)} ms, ${result.long.length} tasks over 50 ms${result.long.length > 0 ? ` (longest ${Math.max(...result.long).toFixed(0)} ms)` : ""}, ${records} in the log`);
    expect(result.mean).toBeLessThan(50);
    await page.context().close();
  }
}, 240_000);
