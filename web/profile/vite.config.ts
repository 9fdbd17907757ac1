import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Puts `first-run.ts` and what it imports into one script for Node. */
export default defineConfig({
  root: here("../.."),
  publicDir: false,
  build: { ssr: here("./first-run.ts"), target: "node20", minify: false, emptyOutDir: false, reportCompressedSize: false },
});
