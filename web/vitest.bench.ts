import { defineConfig } from "vitest/config";

import browser from "./vitest.browser.ts";

/** Measurements of the page: they print numbers, and fail when a promise about speed is broken by far. */
export default defineConfig({ ...browser, test: { ...browser.test, include: ["tests/web/bench-*.ts", "tests/embed/bench-*.ts"] } });
