import satisfies from 'semver/functions/satisfies.js';
import validRange from 'semver/ranges/valid.js';
import type { Findings } from '../dsl/findings.js';
import { childPath } from '../dsl/source-document.js';
import type { Pack } from './pack.js';

/** Reports what the packs of a bundle ask of each other and do not get. */
export function checkRequirements(packs: readonly Pack[], findings: Findings): void {
  const byName = Map.groupBy(packs, (pack) => pack.manifest.name);
  for (const pack of packs) {
    for (const [name, range] of Object.entries(pack.manifest.requires ?? {})) {
      const fault = validRange(range) === null ? `"${range}" is not a range of versions` : missing(name, range, byName);
      if (fault === undefined) continue;
      findings.add(pack.where, childPath('requires', name), 'ERR_PACK_REQUIRES', `${pack.id} needs ${name}: ${fault}`);
    }
  }
  for (const circle of circlesOf(byName)) {
    const [first = ''] = circle;
    const pack = byName.get(first)?.[0];
    if (pack === undefined) continue;
    const message = `packs require each other in a circle: ${[...circle, first].join(' -> ')}`;
    findings.add(pack.where, childPath('requires', circle[1] ?? first), 'ERR_PACK_REQUIRES', message);
  }
}

function missing(name: string, range: string, byName: ReadonlyMap<string, readonly Pack[]>): string | undefined {
  const candidates = byName.get(name) ?? [];
  if (candidates.some((candidate) => satisfies(candidate.manifest.version, range))) return undefined;
  if (candidates.length === 0) {
    return `no set of the bundle uses it; add one with "portcullis pack add ${name}" (any version in ${range})`;
  }
  const found = candidates.map((candidate) => candidate.manifest.version).join(', ');
  return `the bundle uses ${found}, which is not in ${range}; upgrade it with "portcullis pack upgrade ${name}"`;
}

/** Every circle once, beginning with the name that sorts first. */
function circlesOf(byName: ReadonlyMap<string, readonly Pack[]>): readonly (readonly string[])[] {
  const circles = new Map<string, readonly string[]>();
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    const at = path.indexOf(name);
    if (at >= 0) {
      const circle = path.slice(at);
      const least = circle.indexOf(circle.toSorted()[0] ?? name);
      const turned = [...circle.slice(least), ...circle.slice(0, least)];
      circles.set(turned.join(' '), turned);
      return;
    }
    if (done.has(name)) return;
    for (const pack of byName.get(name) ?? []) {
      for (const next of Object.keys(pack.manifest.requires ?? {})) visit(next, [...path, name]);
    }
    done.add(name);
  };
  for (const name of [...byName.keys()].sort()) visit(name, []);
  return [...circles.values()];
}
