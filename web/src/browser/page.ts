/**
 * Pages of the LAN, made fit for a sandboxed frame: what they refer to is fetched through the simulation and put inside, and their
 * links, forms and `fetch` are sent to us instead of the real network. No document is shown here.
 *
 * The frame has an opaque origin and a policy that allows no network of its own, so a page can neither read ours nor call outside.
 */

import type { FetchRequest } from "../engine/lab.ts";
import type { FetchResult } from "../generated/FetchResult.ts";

export type Fetch = (request: FetchRequest) => Promise<FetchResult>;

/** Redirections followed before giving up, as browsers have a limit too. */
const redirectsMax = 10;
/** Connections that a browser opens to one host at once. */
const connectionsMax = 6;
/** Resources taken into one page. */
const resourcesMax = 60;

const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:; form-action 'none'; base-uri 'none'";

export interface LoadedPage {
  /** Where we ended, after redirections. */
  readonly url: string;
  readonly title: string;
  /** Source for the frame; `null` when there is nothing to show (204). */
  readonly source: string | null;
  readonly status: number;
  readonly error: string | null;
  /** Where the page says its icon is, or where browsers look. */
  readonly icon: string | null;
}

/** What a person typed as an address. */
export function addressFrom(typed: string): string | null {
  const text = typed.trim();
  if (text === "") return null;
  try {
    const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
    return url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Fetches `request` and everything its page needs. */
export async function loadPage(request: FetchRequest, fetch: Fetch): Promise<LoadedPage> {
  let current = request;
  for (let count = 0; count <= redirectsMax; count++) {
    const result = await fetch(current);
    const location = header(result, "location");
    if (result.status >= 300 && result.status < 400 && location !== null) {
      const url = resolve(location, current.url);
      if (url === null) return failure(current.url, `It redirects to ${location}, which this browser cannot open.`);
      current = result.status === 307 || result.status === 308 ? { ...current, url } : { url };
      continue;
    }
    // The PC follows redirections by itself and says where it ended.
    return show(result.url || current.url, result, fetch);
  }
  return failure(current.url, "It redirects again and again.");
}

/** The value of a header field. */
export function header(result: FetchResult, name: string): string | null {
  return result.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null;
}

/** `href` as an address of the LAN, or `null` for what is none. */
export function resolve(href: string, base: string): string | null {
  try {
    const url = new URL(href, base);
    return url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

export function dataUrl(bytes: Uint8Array, type: string): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `data:${type};base64,${btoa(binary)}`;
}

async function show(url: string, result: FetchResult, fetch: Fetch): Promise<LoadedPage> {
  if (result.error !== null && result.status === 0) return failure(url, `${capital(result.error)}.`);
  const { status } = result;
  if (status === 204) return { url, title: "", source: null, status, error: null, icon: null };
  const type = (header(result, "content-type") ?? guessType(result.body)).toLowerCase();
  const icon = resolve("/favicon.ico", url);
  if (type.startsWith("image/")) {
    return { url, title: url, source: wrap(`<img alt="" src="${dataUrl(result.body, type.split(";")[0] ?? type)}">`, "Image"), status, error: result.error, icon };
  }
  const text = decode(result.body, type);
  if (!type.includes("html")) return { url, title: url, source: wrap(`<pre>${escape(text)}</pre>`, "Text"), status, error: result.error, icon };
  const page = await inline(text, url, fetch);
  return { url, title: page.title || url, source: page.source, status, error: result.error, icon: page.icon ?? icon };
}

function failure(url: string, error: string): LoadedPage {
  const text = `<h1>This page cannot be reached</h1><p><code>${escape(url)}</code></p><p>${escape(error)}</p>`;
  return { url, title: "No page", source: wrap(text, "No page"), status: 0, error, icon: null };
}

/** Puts a page's resources inside it. */
async function inline(text: string, url: string, fetch: Fetch): Promise<{ readonly source: string; readonly title: string; readonly icon: string | null }> {
  const page = new DOMParser().parseFromString(text, "text/html");
  const base = resolve(page.querySelector("base")?.getAttribute("href") ?? "", url) ?? url;
  for (const unwanted of page.querySelectorAll("base, meta[http-equiv], iframe, frame, object, embed")) unwanted.remove();
  const work: (() => Promise<void>)[] = [];
  for (const image of page.querySelectorAll<HTMLImageElement>("img[src], input[type=image][src]")) {
    work.push(() => replaceWith(image.getAttribute("src"), base, fetch, (result) => image.setAttribute("src", dataUrl(result.body, (header(result, "content-type") ?? "image/png").split(";")[0] ?? "image/png"))));
  }
  for (const sheet of page.querySelectorAll<HTMLLinkElement>("link[rel~=stylesheet][href]")) {
    work.push(() =>
      replaceWith(sheet.getAttribute("href"), base, fetch, (result) => {
        const style = page.createElement("style");
        style.textContent = decode(result.body, "");
        sheet.replaceWith(style);
      }),
    );
  }
  for (const script of page.querySelectorAll<HTMLScriptElement>("script[src]")) {
    work.push(() =>
      replaceWith(script.getAttribute("src"), base, fetch, (result) => {
        script.removeAttribute("src");
        script.textContent = decode(result.body, "").replaceAll("</script", "<\\/script");
      }),
    );
  }
  await inParallel(work.slice(0, resourcesMax), connectionsMax);
  const iconHref = page.querySelector("link[rel~=icon][href]")?.getAttribute("href");
  for (const link of page.querySelectorAll("link")) link.remove();
  const head = `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><script>${bridge(base)}</script>`;
  page.head.insertAdjacentHTML("afterbegin", head);
  return {
    source: `<!doctype html>${page.documentElement.outerHTML}`,
    title: page.title,
    icon: iconHref ? resolve(iconHref, base) : null,
  };
}

async function replaceWith(href: string | null, base: string, fetch: Fetch, use: (result: FetchResult) => void): Promise<void> {
  if (href === null || href.startsWith("data:")) return;
  const url = resolve(href, base);
  if (url === null) return;
  const result = await fetch({ url });
  if (result.status >= 200 && result.status < 300) use(result);
}

async function inParallel(work: readonly (() => Promise<void>)[], width: number): Promise<void> {
  const queue = [...work];
  const runner = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: Math.min(width, queue.length) }, runner));
}

/** Runs inside the page: sends links, forms and requests to the playground. */
function bridge(base: string): string {
  return `(() => {
  const base = ${JSON.stringify(base).replaceAll("<", "\\u003c")};
  const post = (message) => parent.postMessage({ playground: 1, ...message }, "*");
  const waits = new Map();
  let count = 0;
  addEventListener("message", (event) => {
    if (event.source !== parent || !waits.has(event.data?.id)) return;
    waits.get(event.data.id)(event.data);
    waits.delete(event.data.id);
  });
  const ask = (request) => new Promise((done) => { const id = ++count; waits.set(id, done); post({ type: "fetch", id, request }); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented) return;
    event.preventDefault();
    const href = link.getAttribute("href");
    if (href.startsWith("#")) document.getElementById(href.slice(1))?.scrollIntoView();
    else post({ type: "go", request: { url: new URL(href, base).href } });
  });
  const submit = (form, button) => {
    const data = new URLSearchParams();
    for (const [key, value] of new FormData(form, button ?? undefined)) data.append(key, typeof value === "string" ? value : value.name);
    const url = new URL(button?.getAttribute("formaction") ?? form.getAttribute("action") ?? "", base);
    const method = (button?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get").toUpperCase();
    if (method === "POST") post({ type: "go", request: { url: url.href, method, headers: [["Content-Type", "application/x-www-form-urlencoded"]], body: data.toString() } });
    else { url.search = data.toString(); post({ type: "go", request: { url: url.href } }); }
  };
  document.addEventListener("submit", (event) => { if (event.defaultPrevented) return; event.preventDefault(); submit(event.target, event.submitter); });
  HTMLFormElement.prototype.submit = function () { submit(this, null); };
  const bodyOf = (body) => body === undefined || body === null ? undefined : String(body);
  window.fetch = async (input, init = {}) => {
    const headers = [...new Headers(init.headers ?? {})];
    const reply = await ask({ url: new URL(String(input?.url ?? input), base).href, method: (init.method ?? "GET").toUpperCase(), headers, body: bodyOf(init.body) });
    if (reply.status === 0) throw new TypeError(reply.error ?? "no answer");
    return new Response([204, 304].includes(reply.status) ? null : reply.body, { status: reply.status, headers: reply.headers });
  };
  window.XMLHttpRequest = class extends EventTarget {
    readyState = 0; status = 0; responseText = ""; response = ""; #request = null; #headers = [];
    open(method, url) { this.#request = { method, url: new URL(url, base).href }; this.readyState = 1; }
    setRequestHeader(name, value) { this.#headers.push([name, value]); }
    abort() {}
    async send(body) {
      const reply = await ask({ ...this.#request, headers: this.#headers, body: bodyOf(body) });
      this.status = reply.status; this.readyState = 4;
      this.responseText = this.response = new TextDecoder().decode(reply.body);
      for (const type of ["readystatechange", reply.status === 0 ? "error" : "load", "loadend"]) { this["on" + type]?.(new Event(type)); this.dispatchEvent(new Event(type)); }
    }
  };
})();`;
}

function wrap(body: string, title: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><title>${title}</title><style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem;color:#15202b;background:#fff}pre{white-space:pre-wrap}img{max-width:100%}</style></head><body>${body}</body></html>`;
}

function decode(bytes: Uint8Array, type: string): string {
  const charset = /charset="?([\w-]+)/.exec(type)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}

/** Without a content type browsers look at the bytes. */
function guessType(bytes: Uint8Array): string {
  return /^\s*<(!doctype|html|head|body|h1|title|p|a|div|style|form)/i.test(decode(bytes.subarray(0, 200), "")) ? "text/html" : "text/plain";
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
