import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileBundle } from '../../engine/compile.js';
import type { CompiledBundle } from '../../engine/ir.js';
import { linkBundle } from '../../engine/link.js';
import type { Json } from '../../model/request.js';
import { generatedCondition, generatedRequest } from '../testing/generated-conditions.js';
import { type BundleDiff, compareBundles } from './compare-bundles.js';
import { verdictChange } from './verdict-change.js';

const RUNS = 30;
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

interface Source {
  readonly fallback: string;
  readonly combining: string;
  readonly policies: readonly Json[];
}

function compile({ fallback, combining, policies }: Source): CompiledBundle {
  const sets = [{ name: 's', layer: 'tenant', combining, priority_order: 'desc', policies: 's' }];
  const manifest = { format: 'portcullis.policy/1', name: 'sample', version: '1.0.0', default: fallback, sets };
  const compiled = compileBundle(
    new Map([
      ['bundle.yaml', bytes(manifest)],
      ['s/p.json', bytes(policies)],
    ]),
  );
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return compiled.value;
}

const policy = fc.record({
  when: fc.oneof({ weight: 9, arbitrary: generatedCondition }, { weight: 1, arbitrary: fc.constant<Json>('always') }),
  effect: fc.constantFrom<Json>(
    'allow',
    'deny',
    'log_only',
    'require_approval',
    { type: 'require_approval', role: 'other' },
    'redact',
  ),
  priority: fc.constantFrom(10, 50),
});

/** Two versions of one bundle: policies are kept, taken out, put in, or replaced. */
const versions = fc
  .record({
    combining: fc.constantFrom('priority', 'first_match', 'deny_overrides'),
    fallbacks: fc.constantFrom(['deny', 'deny'], ['deny', 'deny'], ['deny', 'allow'], ['allow', 'deny']),
    policies: fc.array(
      fc.record({ one: policy, other: policy, in: fc.constantFrom('both', 'both', 'before', 'after', 'changed') }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ combining, fallbacks, policies }): readonly [Source, Source] => {
    const side = (index: 0 | 1): Source => ({
      fallback: fallbacks[index] ?? 'deny',
      combining,
      policies: policies.flatMap((entry, at): readonly Json[] => {
        if (entry.in === (index === 0 ? 'after' : 'before')) return [];
        const chosen = entry.in === 'changed' && index === 1 ? entry.other : entry.one;
        return [{ name: `p${at}`, ...chosen }];
      }),
    });
    return [side(0), side(1)];
  })
  .filter(([before, after]) => before.policies.length > 0 && after.policies.length > 0);

describe('comparing bundles', () => {
  test('every flip is one, and a complete comparison misses no way to flip', () => {
    const counts = { complete: 0, aimed: 0, aimedFound: 0, aimedMissed: 0 };
    fc.assert(
      fc.property(
        versions,
        fc.array(generatedRequest, { minLength: 120, maxLength: 120 }),
        ([before, after], requests) => {
          const bundles = [compile(before), compile(after)] as const;
          const engines = bundles.map((bundle) => linkBundle(bundle));
          const changeOf = (request: (typeof requests)[number]) => {
            const [one, other] = engines.map((engine) => engine.evaluate(request));
            return one === undefined || other === undefined ? undefined : verdictChange(one, other);
          };
          const diff: BundleDiff = compareBundles(...bundles);
          for (const flip of diff.flips) expect(changeOf(flip.request)).toBe(flip.change);
          const found = new Set(diff.flips.map(({ change }) => change));
          const expected = new Set(requests.map(changeOf).filter((change) => change !== undefined));
          if (diff.complete) {
            counts.complete += 1;
            for (const change of expected) expect([...found]).toContain(change);
            return;
          }
          counts.aimed += 1;
          for (const change of expected) {
            if (found.has(change)) counts.aimedFound += 1;
            else counts.aimedMissed += 1;
          }
        },
      ),
      { numRuns: RUNS },
    );
    expect(counts.complete).toBeGreaterThan(RUNS / 4);
    // An aimed search promises nothing; it has to be good all the same.
    expect(counts.aimedMissed).toBeLessThanOrEqual(2 + counts.aimedFound / 10);
  }, 240_000);
});
