/** All examples, in the gallery's order. */

import type { Example } from "./example.ts";
import { firstExample } from "./first.ts";
import { lessons } from "./lessons.ts";
import { manualExamples } from "./manual.ts";
import { ownExamples } from "./own.ts";

export const examples: readonly Example[] = [firstExample, ...ownExamples, ...lessons, ...manualExamples];
