/** The prepared run of `fixture-engine.ts` needs no modules. */

export const compileFirst = (): Promise<null> => Promise.resolve(null);
export const compileRest = (): Promise<null> => Promise.resolve(null);
