/** The page's worker. */

import { giveRest, loadEngine } from "#engine";
import { serveParts } from "./serve-parts.ts";

serveParts({ loadEngine, giveRest });
