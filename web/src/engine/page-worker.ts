/** The page's worker: it loads the engine itself, by the name that the page's build gave the module. */

import { loadEngine } from "#engine";
import { serve } from "./worker.ts";

serve(loadEngine());
