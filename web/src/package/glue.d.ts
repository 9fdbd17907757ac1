/** `#glue` is the engine's glue, in Node the one that reads the module from the package (see the package's `imports`). */
declare module "#glue" {
  export default function init(): Promise<unknown>;

  /** The part of the class that `runLab` needs. */
  export class Playground {
    constructor(labJson: string);
    advance(untilMs: number, budgetMs: number): unknown;
    map(): unknown;
    finalChecks(): unknown;
    pcapng(): Uint8Array;
    free(): void;
  }
}
