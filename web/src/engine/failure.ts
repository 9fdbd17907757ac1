/** How the engine can let the page down, and what the page says then. */

export type EngineFailure =
  /** The lab is not one the engine can run; the message names the place. */
  | { readonly kind: "refused"; readonly message: string }
  /** A fault of the engine during a run. */
  | { readonly kind: "crashed"; readonly message: string }
  /** The engine could not be loaded at all. */
  | { readonly kind: "unloadable"; readonly message: string };

export function crash(message: string): EngineFailure {
  return { kind: "crashed", message };
}

/** What a person reads: what happened, and that nothing of theirs is lost. */
export function failureText(failure: EngineFailure): { readonly title: string; readonly text: string } {
  switch (failure.kind) {
    case "refused":
      return { title: "This lab cannot be run", text: failure.message };
    case "crashed":
      return {
        title: "The simulation broke down",
        text: `This is a fault of the playground, not of your program. Your lab is safe, and the simulation has been restarted: press Run to go on. (${failure.message})`,
      };
    case "unloadable":
      return {
        title: "The simulation could not be loaded",
        text: `Your lab is safe. Check the connection and reload the page. (${failure.message})`,
      };
  }
}
