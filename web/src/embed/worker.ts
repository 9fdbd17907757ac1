/** The worker of an embedded playground: as the page's, but the rest of its engine may only be allowed to come as a script. */

import { gunzipSync } from "fflate";

import { fetchNow, giveRest, loadEngine } from "../engine/load.ts";
import type { EngineParts } from "../engine/parts.ts";
import { serveParts } from "../engine/serve-parts.ts";
import { takePart } from "./packed-part.ts";
import { createTrust } from "./trust.ts";

function loadNow(parts: EngineParts): BufferSource {
  if (parts.restScript === undefined) return fetchNow(parts);
  importScripts(createTrust()(parts.restScript));
  return gunzipSync(takePart("rest")) as Uint8Array<ArrayBuffer>;
}

serveParts({ loadEngine: (parts) => loadEngine(parts, loadNow), giveRest });
