/** The page's icons: strokes on a 20 × 20 grid in the current colour. They decorate; names stand beside them or in labels. */

import { html, svg, type TemplateResult } from "lit";

const paths = {
  add: "M10 4v12M4 10h12",
  cable: "M7 3v4M13 3v4M5 7h10v3a5 5 0 0 1-10 0zM10 15v3",
  check: "m4 10.5 4 4 8-9",
  chevron: "m6 8 4 4 4-4",
  clear: "M4 5h12M8 5V3.5h4V5M6 5l.7 11.5h6.6L14 5",
  close: "m5 5 10 10M15 5 5 15",
  copy: "M7 7h9v9H7zM4 13V4h9",
  download: "M10 3v9m-4-3.5 4 4 4-4M4 16.5h12",
  edit: "m4 16 .8-3.4L13 4.400l2.600 2.600-8.200 8.200z",
  examples: "M3 4.500h5.500A1.500 1.500 0 0 1 10 6v10.500a2 2 0 0 0-2-1.500H3zM17 4.500h-5.500A1.500 1.500 0 0 0 10 6v10.500a2 2 0 0 1 2-1.500h5z",
  expand: "M3.500 8V3.500H8M16.500 12v4.500H12M12 3.500h4.500V8M8 16.500H3.500V12",
  frame: "M2.500 6h10v8h-10zM2.500 6l5 4.500 5-4.500M16.500 4.500v11",
  follow: "M3 10h10m-4-4 4 4-4 4M17 4v12",
  gear: "M10 7.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600zM10 2.500v2M10 15.500v2M2.500 10h2M15.500 10h2M4.700 4.700l1.400 1.400M13.900 13.900l1.400 1.400M4.700 15.300l1.400-1.400M13.900 6.100l1.400-1.400",
  globe: "M10 2.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM2.500 10h15M10 2.500c2.700 2.200 2.700 12.800 0 15M10 2.500c-2.700 2.200-2.700 12.800 0 15",
  hint: "M7.500 14.500h5M8 17h4M10 2.500a5 5 0 0 0-3 9c.6.5.8 1 .8 1.700h4.400c0-.7.2-1.200.8-1.700a5 5 0 0 0-3-9z",
  into: "M10 2.500v8m-3.500-3.500 3.500 3.500 3.500-3.500M10 15.500h.01",
  left: "m12 5-5 5 5 5",
  link: "M8.500 11.500a3 3 0 0 0 4.300 0l2.700-2.700a3 3 0 0 0-4.300-4.300l-1 1M11.500 8.500a3 3 0 0 0-4.300 0l-2.700 2.700a3 3 0 0 0 4.300 4.300l1-1",
  menu: "M3.500 5.500h13M3.500 10h13M3.500 14.500h13",
  moon: "M16 11.500A6.500 6.500 0 1 1 8.500 4a5.200 5.200 0 0 0 7.500 7.500z",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  out: "M10 10.500v-8m-3.500 3.500 3.500-3.500 3.500 3.500M10 15.500h.01",
  over: "M3 9.500a7 7 0 0 1 13-1.500M16.500 3.500V8H12M10 15.500h.01",
  pause: "M7 4.500v11M13 4.500v11",
  power: "M10 3v6.500M6 5.500a6 6 0 1 0 8 0",
  reload: "M15.500 8A6 6 0 1 0 16 11.500M16 3.500V8h-4.500",
  restart: "M4.500 8A6 6 0 1 1 4 11.500M4 3.500V8h4.500",
  right: "m8 5 5 5-5 5",
  search: "M8.500 3.500a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12.500 12.500l4 4",
  send: "m3.500 10 13-6-4.500 12.500-2.500-5z",
  step: "M5 4.500v11l7-5.500zM15 4.500v11",
  sun: "M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 1.800v1.700M10 16.500v1.700M1.800 10h1.700M16.500 10h1.700M4.200 4.200l1.200 1.200M14.600 14.600l1.200 1.200M4.200 15.800l1.200-1.200M14.600 5.400l1.200-1.200",
  upload: "M10 13V4m-4 3.500 4-4 4 4M4 16.500h12",
  warning: "M10 3 2.500 16h15zM10 8v4M10 14.200v.1",
  wifi: "M3 8a10 10 0 0 1 14 0M5.500 11a6.500 6.500 0 0 1 9 0M8 13.800a3 3 0 0 1 4 0M10 16.300v.1",
} as const;

const filled = { run: "M5.500 3.600v12.800L16 10z", stop: "M5 5h10v10H5z" } as const;

export type IconName = keyof typeof paths | keyof typeof filled;

export function icon(name: IconName): TemplateResult {
  const shape =
    name in filled
      ? svg`<path d=${filled[name as keyof typeof filled]} fill="currentColor" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round" />`
      : svg`<path d=${paths[name as keyof typeof paths]} fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" />`;
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">${shape}</svg>`;
}
