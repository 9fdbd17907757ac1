/**
 * The one script tag. A classic script, because the document may not know how to load modules from elsewhere: a classic script and all
 * that it brings need no permission of the site they come from, so any static host will do.
 *
 * Attributes of the tag: `data-upgrade` (empty, or a selector), `data-match` (a regular expression on programs), `data-site` (address of
 * the playground's page), and `data-` with a setting's name for all upgraded blocks. For generators that only take an address, the same
 * names work after a `?`.
 */

import { once, type PartsSource } from "../engine/parts.ts";
import { defineElement, deliverBy } from "./element.ts";
import type { Runtime } from "./delivery.ts";
import { sharedEngine } from "./engine-parts.ts";
import { type SettingName, settingNames } from "./markup.ts";
import type { PartName } from "./packed-part.ts";
import { createTrust, type Trust } from "./trust.ts";
import { upgrade, type UpgradeOptions } from "./upgrade.ts";

/** Filled in by the build: paths beside this script. */
declare const EMBED_PATHS: {
  readonly runtime: string;
  readonly engine: { readonly [Name in PartName]: { readonly module: string; readonly script: string } };
  readonly site: string | null;
};

declare global {
  /** What the runtime's script leaves behind. */
  var NodemcuPlaygroundRuntime: { readonly createRuntime: (engine: PartsSource, trust: Trust) => Runtime } | undefined;
}

const tag = document.currentScript as HTMLScriptElement | null;
const address = new URL(tag?.src || "embed.js", document.baseURI);
const beside = (path: string): string => new URL(path, address.origin === "null" ? address.href : address).href;

/** An option of the tag, from its attribute or from its address. */
function option(name: string): string | null {
  return tag?.dataset[name] ?? address.searchParams.get(name);
}

const trust = createTrust();

/** Adds a script of ours to the page; resolves when it has run. */
function addScript(source: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = trust(source);
    // A policy that trusts the tag by its nonce trusts what the tag brings.
    if (tag?.nonce) script.nonce = tag.nonce;
    script.addEventListener("load", () => resolve());
    script.addEventListener("error", () => reject(new Error(`${source} did not load`)));
    document.head.append(script);
  });
}

const part = (name: PartName): { readonly module: string; readonly script: string } => {
  const { module, script } = EMBED_PATHS.engine[name];
  return { module: beside(module), script: beside(script) };
};
const engine = sharedEngine({ first: part("first"), rest: part("rest") }, addScript);

async function loadRuntime(): Promise<Runtime> {
  // Beside the runtime, not after it; who waits for it hears of its failure.
  engine.first().catch(() => {});
  if (!globalThis.NodemcuPlaygroundRuntime) await addScript(beside(EMBED_PATHS.runtime));
  const runtime = globalThis.NodemcuPlaygroundRuntime;
  if (!runtime) throw new Error("the playground's script is damaged");
  return runtime.createRuntime(engine, trust);
}

const site = option("site") ?? (EMBED_PATHS.site === null ? null : beside(EMBED_PATHS.site));
deliverBy({ site: site === "" ? null : site, load: once(loadRuntime) });
defineElement();

function upgradeOptions(selector: string): UpgradeOptions {
  const settings: { [name in SettingName]?: string } = {};
  for (const name of settingNames) {
    const value = option(name);
    if (value !== null) settings[name] = value;
  }
  const match = option("match");
  return { settings, ...(selector !== "" && { selector }), ...(match !== null && { matching: new RegExp(match) }) };
}

const selector = option("upgrade");
if (selector !== null) {
  const work = (): void => void upgrade(document, upgradeOptions(selector));
  // After everything that the page does for itself, which the event waits for too.
  const start = (): unknown => ("requestIdleCallback" in globalThis ? requestIdleCallback(work, { timeout: 2000 }) : setTimeout(work, 1));
  if (document.readyState === "complete") start();
  else addEventListener("load", start, { once: true });
}
