import { describe, expect, test } from '@jest/globals';
import { compileBundle } from '../../engine/compile.js';
import type { CompiledBundle } from '../../engine/ir.js';
import { linkBundle } from '../../engine/link.js';
import type { Json, JsonObject } from '../../model/request.js';
import { compareBundles } from './compare-bundles.js';

interface Shape {
  readonly fallback?: string;
  readonly combining?: string;
  readonly policies: readonly Json[];
}

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function compile({ fallback = 'deny', combining = 'priority', policies }: Shape): CompiledBundle {
  const sets = [{ name: 's', layer: 'tenant', combining, priority_order: 'desc', policies: 's' }];
  const manifest = { format: 'portcullis.policy/1', name: 'sample', version: '1.0.0', default: fallback, sets };
  const files = new Map([
    ['bundle.yaml', bytes(manifest)],
    ['s/p.json', bytes(policies)],
  ]);
  const compiled = compileBundle(files);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return compiled.value;
}

const team = (name: string): Json => ({ field: 'user.team', operator: 'equals', value: name });
const policy = (name: string, effect: Json, when: Json = team('a'), more: JsonObject = {}): Json => ({
  name,
  when,
  effect,
  priority: 50,
  ...more,
});

interface Row {
  readonly name: string;
  readonly before: Shape;
  readonly after: Shape;
  readonly changes: readonly string[];
  readonly flips: readonly string[];
}

const ALLOW = policy('p', 'allow');

describe('comparing bundles', () => {
  test.each<Row>([
    { name: 'nothing', before: { policies: [ALLOW] }, after: { policies: [ALLOW] }, changes: [], flips: [] },
    {
      name: 'only what people read',
      before: { policies: [ALLOW] },
      after: { policies: [policy('P', 'allow', team('a'), { slug: 'p', description: 'new' })] },
      changes: [],
      flips: [],
    },
    {
      name: 'a policy more',
      before: { policies: [ALLOW] },
      after: { policies: [ALLOW, policy('q', 'deny', team('a'), { priority: 90 })] },
      changes: ['added q'],
      flips: ['allow_to_deny tenant/s/q'],
    },
    {
      name: 'a policy less',
      before: { policies: [ALLOW, policy('q', 'allow', team('b'))] },
      after: { policies: [ALLOW] },
      changes: ['removed q'],
      flips: ['allow_to_deny tenant/s/q'],
    },
    {
      name: 'a policy that another one covers',
      before: { policies: [policy('p', 'allow', 'always')] },
      after: { policies: [policy('p', 'allow', 'always'), policy('q', 'deny', team('b'), { priority: 10 })] },
      changes: ['added q'],
      flips: [],
    },
    {
      name: 'a condition that moved',
      before: { policies: [ALLOW] },
      after: { policies: [policy('p', 'allow', team('b'))] },
      changes: ['changed p condition'],
      flips: ['allow_to_deny tenant/s/p', 'deny_to_allow tenant/s/p'],
    },
    {
      name: 'who has to agree',
      before: { policies: [policy('p', { type: 'require_approval', role: 'one' })] },
      after: { policies: [policy('p', { type: 'require_approval', role: 'other' })] },
      changes: ['changed p effect'],
      flips: ['terms tenant/s/p'],
    },
    {
      name: 'a hold instead of a denial',
      before: { policies: [policy('p', 'deny')] },
      after: { policies: [policy('p', 'require_hitl')] },
      changes: ['changed p effect'],
      flips: ['deny_to_hold tenant/s/p'],
    },
    {
      name: 'which of two came first',
      before: {
        policies: [policy('p', 'allow', team('a'), { created_at: '2026-01-01T00:00:00Z' }), policy('q', 'deny')],
      },
      after: { policies: [ALLOW, policy('q', 'deny', team('a'), { created_at: '2026-01-01T00:00:00Z' })] },
      changes: ['changed p order'],
      flips: ['allow_to_deny tenant/s/p'],
    },
    {
      name: 'how the set combines',
      before: { policies: [ALLOW, policy('q', 'deny', team('a'), { priority: 10 })], combining: 'priority' },
      after: { policies: [ALLOW, policy('q', 'deny', team('a'), { priority: 10 })], combining: 'deny_overrides' },
      changes: ['changed p set', 'changed q set'],
      flips: [],
    },
    {
      name: 'the default',
      before: { policies: [ALLOW] },
      after: { policies: [ALLOW], fallback: 'allow' },
      changes: [],
      flips: ['deny_to_allow default'],
    },
  ])('$name', ({ before, after, changes, flips }) => {
    const [old, current] = [compile(before), compile(after)];
    const diff = compareBundles(old, current);
    expect(diff.changes.map(({ change, policy: id, aspects }) => [change, id, ...aspects].join(' '))).toEqual(changes);
    expect(diff.flips.map(({ change, policies }) => `${change} ${policies.join()}`)).toEqual(flips);
    expect(diff.complete).toBe(true);
    const [one, other] = [linkBundle(old), linkBundle(current)];
    for (const { change, request } of diff.flips) {
      if (change === 'terms') continue;
      expect(`${one.evaluate(request).effect}_to_${other.evaluate(request).effect}`).toBe(change);
    }
  });

  test('an example has nothing that it could do without', () => {
    const when = { operator: 'and', conditions: [team('a'), { field: 'user.role', operator: 'not_in', value: ['x'] }] };
    const diff = compareBundles(
      compile({ policies: [policy('p', 'deny', 'always')] }),
      compile({ policies: [policy('p', 'deny', 'always'), policy('q', 'allow', when, { priority: 90 })] }),
    );
    expect(diff.flips).toHaveLength(1);
    expect(diff.flips[0]?.request.user).toEqual({ role: 'other', team: 'a' });
  });

  test('what has modules of other engines is never called complete', () => {
    const bundle = compile({ policies: [ALLOW] });
    const modules = [{ name: 'm', layer: 'tenant', scope: [], engine: 'cedar', folder: 'm', files: [] }] as const;
    expect(compareBundles({ ...bundle, modules }, { ...bundle, modules }).complete).toBe(false);
    expect(compareBundles(bundle, { ...bundle, modules }).complete).toBe(false);
  });
});
