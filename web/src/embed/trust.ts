/**
 * Trusted Types: a page with `require-trusted-types-for 'script'` starts no script from a plain address. One policy says of the
 * addresses of the playground's own scripts that they may run; a document makes it once, so whoever has it hands it on.
 */

/** Turns an address into what such a page accepts, where there is such a thing; in other pages it is the address. */
export type Trust = (address: string) => string;

/** The part of the browser's interface that is used. */
interface TrustedTypes {
  createPolicy(name: string, rules: { readonly createScriptURL: Trust }): { createScriptURL: Trust };
}

/** Name of the policy, for the directive `trusted-types`. */
const policyName = "nodemcu-playground";

/** Makes the policy. Where the page forbids it, addresses stay plain, and the page says itself what it refuses. */
export function createTrust(): Trust {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  try {
    const policy = trustedTypes?.createPolicy(policyName, { createScriptURL: (address) => address });
    if (policy) return (address) => policy.createScriptURL(address);
  } catch {
    // The page's directive does not name the policy.
  }
  return (address) => address;
}
