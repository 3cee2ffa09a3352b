import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest, Json } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { engineOf } from '../support/bundle-source.js';
import { cedarCallOf, cedarPolicyOf, effectOf, translatablePart } from '../support/cedar-translation.js';
import { DECLARED_FIELDS } from '../support/leaf-generators.js';
import { policies } from '../support/policy-generators.js';
import type { ReferencePolicy } from '../support/reference-evaluator.js';
import { request } from '../support/request-generators.js';

/** Requests per generated set: translating and compiling is what costs. */
const REQUESTS = 40;
const PAIRS = Number(process.env['JEST_PROPERTY_RUNS'] ?? 5_000);
const TIMEOUT_MS = 60_000 + PAIRS * 10;

/** What both sides are compared by. */
interface Verdict {
  readonly effect: string;
  /** The denials that decided, or else the allows. */
  readonly because: readonly string[];
}

/** Policies of which every allow is weaker than every deny, as Cedar has them: there a forbid always wins. */
const comparable: fc.Arbitrary<readonly ReferencePolicy[]> = policies(6).map((generated) =>
  generated
    .filter((policy) => ['allow', 'deny', 'log_only'].includes(effectOf(policy)))
    .map((policy) => ({
      ...policy,
      when: translatablePart(policy.when) ?? 'always',
      priority: effectOf(policy) === 'allow' ? 0 : policy.priority,
    })),
);

function engineVerdicts(given: readonly ReferencePolicy[]): (attempt: ContextualRequest) => Verdict {
  const shape = { layer: 'platform', combining: 'deny_overrides', priority_order: 'desc' } as const;
  const set = { ...shape, name: 's', policies: given };
  const engine = engineOf({ version: '1.0.0', default: 'deny', fields: DECLARED_FIELDS, sets: [set] });
  return (attempt) => {
    const { effect, deny, matched } = engine.evaluate(attempt);
    const deniers = deny
      .filter(({ code }) => code !== 'NO_MATCHING_POLICY')
      .map(({ path }) => path.split('/')[1] ?? '');
    const allows = matched.filter((rule) => rule.effect === 'allow').map(({ policy }) => policy);
    return { effect, because: (effect === 'allow' ? allows : deniers).toSorted() };
  };
}

function cedarVerdicts(given: readonly ReferencePolicy[]): (attempt: ContextualRequest) => Verdict {
  const staticPolicies: Record<string, string> = {};
  for (const policy of given) {
    const text = (policy.status ?? 'active') === 'active' ? cedarPolicyOf(policy) : undefined;
    if (text !== undefined) staticPolicies[policy.slug] = text;
  }
  const parsed = cedar.preparsePolicySet('generated', { staticPolicies });
  if (parsed.type === 'failure') throw new Error(JSON.stringify(parsed.errors));
  return (attempt) => {
    const call = { ...cedarCallOf(attempt), entities: [], preparsedPolicySetId: 'generated' };
    const answer = cedar.statefulIsAuthorized(call as unknown as cedar.StatefulAuthorizationCall);
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
    const { decision, diagnostics } = answer.response;
    // The translation spells out what has no value; an error of Cedar's own would be one that it forgot.
    expect(diagnostics.errors).toEqual([]);
    return { effect: decision, because: diagnostics.reason.toSorted() };
  };
}

describe('a deny_overrides set in which no allow lifts a deny', () => {
  test(
    'says of every request what its translation to Cedar says',
    () => {
      const attempts = fc.array(request(), { minLength: REQUESTS, maxLength: REQUESTS });
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(comparable, attempts, (given, requests) => {
          const [ours, theirs] = [engineVerdicts(given), cedarVerdicts(given)];
          for (const attempt of requests) {
            const verdict = ours(attempt);
            expect(verdict).toEqual(theirs(attempt));
            const kind = `${verdict.effect} ${verdict.because.length > 0 ? 'by a policy' : 'by default'}`;
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
          }
        }),
        // Half as many as elsewhere: Cedar parses each translation anew.
        { numRuns: Math.max(1, Math.ceil(PAIRS / REQUESTS / 2)) },
      );
      // A comparison that only ever sees one outcome compares nothing.
      for (const kind of ['allow by a policy', 'deny by a policy', 'deny by default']) {
        expect(seen.get(kind) ?? 0).toBeGreaterThan(0);
      }
    },
    TIMEOUT_MS,
  );

  test.each<[name: string, when: Json, attempt: Json, effect: string]>([
    ['a missing field under not_equals', { field: 'user.team', operator: 'not_equals', value: 'a' }, {}, 'deny'],
    [
      'a field of the wrong type',
      { field: 'user.team', operator: 'equals', value: 'a' },
      { user: { team: 1 } },
      'deny',
    ],
    ['a path through a text', { field: 'user.team', operator: 'exists', value: false }, { user: 'u' }, 'deny'],
    ['a field that differs', { field: 'user.team', operator: 'equals', value: 'a' }, { user: { team: 'b' } }, 'allow'],
  ])('denies alike for %s in a deny', (_name, when, attempt, effect) => {
    const given: readonly ReferencePolicy[] = [
      { name: 'Allow', slug: 'allow', when: 'always', effect: 'allow', priority: 0 },
      { name: 'Deny', slug: 'deny', when, effect: 'deny', priority: 10 },
    ];
    const asked = { version: '1.0', source: 'mcp_proxy', ...(attempt as object) } as ContextualRequest;
    expect(engineVerdicts(given)(asked).effect).toBe(effect);
    expect(cedarVerdicts(given)(asked).effect).toBe(effect);
  });
});
