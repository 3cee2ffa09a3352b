/** Guesses what was probably meant by a name that does not exist. */

/** The number of single-character insertions, deletions and replacements between two words. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Longer names are nobody's typing mistake, and comparing them costs. */
const MAX_NAME = 64;
/** Shorter beginnings fit too much to mean anything. */
const MIN_PREFIX = 3;

/** `tenantId` and `Tenant-ID` are `tenant_id`. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** How far apart, where a beginning (`mcp` of `mcp_proxy`) is nearly there. */
function remoteness(name: string, candidate: string): number {
  return name.length >= MIN_PREFIX && candidate.startsWith(name) ? 1 : distance(name, candidate);
}

/** The candidate nearest to `name`, if one is near enough to be worth saying: at most a third of the name differs. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const asked = plain(name);
  if (asked === '' || name.length > MAX_NAME) return undefined;
  const ranked = candidates
    .map((candidate) => ({ candidate, remoteness: remoteness(asked, plain(candidate)) }))
    .sort((a, b) => a.remoteness - b.remoteness);
  const [best] = ranked;
  const limit = Math.max(1, Math.floor(asked.length / 3));
  return best !== undefined && best.remoteness <= limit ? best.candidate : undefined;
}
