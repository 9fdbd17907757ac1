import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The page's tests in a real browser lie with the other whole-product tests; their packages are this folder's. */
export default defineConfig({
  root: here(".."),
  cacheDir: here("./node_modules/.vite"),
  resolve: { alias: { "playwright-core": here("./node_modules/playwright-core/index.mjs"), "axe-core": here("./node_modules/axe-core/axe.js"), jsqr: here("./node_modules/jsqr/dist/jsQR.js"), lighthouse: here("./node_modules/lighthouse/core/index.js") } },
  server: { fs: { strict: false } },
  test: {
    include: ["tests/web/test-*.ts", "tests/embed/test-*.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});
