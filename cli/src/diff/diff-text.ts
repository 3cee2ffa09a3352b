import type { BundleDiff, Flip, VerdictChange } from '@portcullis/policy/analysis';

const MEANING: Readonly<Partial<Record<VerdictChange, string>>> = {
  allow_to_deny: 'allowed before, denied now',
  allow_to_hold: 'allowed before, held for a person now',
  deny_to_allow: 'denied before, ALLOWED now',
  deny_to_hold: 'denied before, held for a person now',
  hold_to_allow: 'held for a person before, ALLOWED now',
  hold_to_deny: 'held for a person before, denied now',
  terms: 'the same effect under other conditions',
};

/** A comparison for a person: what is written differently, then what is answered differently, by policy. */
export function diffLines(diff: BundleDiff): readonly string[] {
  const lines: string[] = [];
  if (diff.defaultChanged) lines.push('~ default');
  for (const { change, layer, set, policy, aspects } of diff.changes) {
    const mark = { added: '+', removed: '-', changed: '~' }[change];
    lines.push(`${mark} ${layer}/${set}/${policy}${aspects.length === 0 ? '' : `: ${aspects.join(', ')}`}`);
  }
  const groups = Map.groupBy(diff.flips, (flip) => flip.policies.join(' and '));
  for (const [policies, flips] of groups) {
    lines.push('', policies);
    for (const flip of flips) lines.push(...flipLines(flip));
  }
  return lines;
}

function flipLines({ change, decidedBefore, decidedAfter, request }: Flip): readonly string[] {
  const by = (names: readonly string[]): string => (names.length === 0 ? 'the default' : names.join(', '));
  return [
    `  ${MEANING[change] ?? change}`,
    `    before: ${by(decidedBefore)}`,
    `    now:    ${by(decidedAfter)}`,
    `    ${JSON.stringify(request)}`,
  ];
}

/** One line about a comparison. */
export function diffSummary({ changes, defaultChanged, flips, complete }: BundleDiff): string {
  if (changes.length === 0 && !defaultChanged) return 'the policies say the same';
  const opened = flips.filter(({ change }) => change.endsWith('_to_allow')).length;
  const found =
    flips.length === 0 ? 'no request is answered differently' : `${plural(flips.length, 'kind')} of change in answers`;
  const warned = opened === 0 ? '' : `, ${opened} of them from a denial or a hold to an allow`;
  const certain = complete
    ? 'every kind of request was tried'
    : 'the search was aimed at what changed; it may have missed some';
  const changed = changes.length === 1 ? '1 changed policy' : `${changes.length} changed policies`;
  return `${changed}: ${found}${warned} (${certain})`;
}

function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
