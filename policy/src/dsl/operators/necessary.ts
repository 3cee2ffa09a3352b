import type { HostPattern } from './host.js';
import type { Cidr } from './ip.js';

/**
 * What must hold of a field's value for a positive leaf to be true: what an index may look up instead of asking the leaf.
 * Each member is a list of which one must hold. It may hold of more values than the leaf does, never of fewer.
 *
 * A value to which the test cannot be put makes the leaf an error, not false, so it must never leave a rule out:
 * for `equals` and `prefixes` a value that is not a text; for `domains` one for which `canonicalHost` gives nothing;
 * for `cidrs` one for which `parseIp` gives nothing. A missing field does make the leaf false.
 */
export type Necessary =
  /** The value is this text, by code unit. */
  | { readonly equals: readonly string[] }
  /** The value begins with this text, by code unit; none of them is empty. */
  | { readonly prefixes: readonly string[] }
  /** The value's `canonicalHost` is the pattern's host, or lies below it. */
  | { readonly domains: readonly HostPattern[] }
  /** The value's `parseIp` has these leading bits. */
  | { readonly cidrs: readonly Cidr[] };
