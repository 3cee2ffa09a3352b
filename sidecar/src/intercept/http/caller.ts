/** As whom a caller addresses us: the check that keeps web pages from talking to a loopback port (DNS rebinding). */

/** Equal to an entry, or equal to one that names no port, once the port is cut off. Entries are lower case. */
export function isAllowedCaller(value: string, allowed: readonly string[]): boolean {
  const lower = value.toLowerCase();
  return allowed.includes(lower) || allowed.includes(lower.replace(/:[0-9]{1,5}$/, ''));
}
