import type { Json } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { DECLARED_FIELDS, leaf } from './leaf-generators.js';
import type { ReferenceBundle, ReferencePolicy, ReferenceSet } from './reference-evaluator.js';

const condition: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc.record({ operator: fc.constant('and'), conditions: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ operator: fc.constant('or'), conditions: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ operator: fc.constant('not'), conditions: fc.tuple(tie('node')).map((one): Json => one) }),
  ),
})).node;

const effect = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Json>('allow', { type: 'allow' }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Json>(
      'deny',
      { type: 'deny', deny_reason_code: 'R1' },
      { type: 'deny', notify: ['security'], log_intent_signals: true },
    ),
  },
  fc.constantFrom<Json>(
    'log_only',
    'redact',
    { type: 'limit', max_tokens: 7 },
    { type: 'redact', redact_config: { detectors: ['email'], method: 'mask' } },
    { type: 'redact', redact_config: { mask_fields: ['ssn', 'arguments.to'] } },
    'escalate',
    { type: 'escalate', reason: 'look' },
    { type: 'escalate', notify: ['security'] },
    { type: 'log_only', notify: ['security', 'on-call'], log_intent_signals: true },
  ),
  fc.constantFrom<Json>(
    'require_approval',
    { type: 'require_approval', role: 'owner', quorum: 2, expires_seconds: 60, deny_reason_code: 'R2' },
    'require_hitl',
    { type: 'require_hitl', group: 'night' },
  ),
);

const policyBody = fc.record(
  {
    when: fc.oneof({ weight: 12, arbitrary: condition }, { weight: 1, arbitrary: fc.constant<Json>('always') }),
    effect,
    // Few values, so that ties happen.
    priority: fc.constantFrom(0, 10, 50, 100),
    on: fc.subarray(['tool_call', 'inference', 'egress'], { minLength: 1 }),
    scope: fc.constantFrom({ tenant: 't1' }, { workspace: 'w1' }, { tenant: 't1', workspace: 'w1' }),
    status: fc.constantFrom('active' as const, 'active' as const, 'disabled' as const, 'archived' as const),
    created_at: fc.constantFrom('2025-01-01T00:00:00Z', '2025-01-01T01:00:00+01:00', '2024-06-30T23:59:59.5Z'),
  },
  { requiredKeys: ['when', 'effect', 'priority'] },
);

/** Policies with distinct slugs in an order that says nothing about their precedence. */
export function policies(maxLength: number): fc.Arbitrary<readonly ReferencePolicy[]> {
  return fc.array(policyBody, { minLength: 1, maxLength, size: 'max' }).chain((bodies) =>
    fc
      .shuffledSubarray(
        bodies.map((_, index) => index),
        { minLength: bodies.length },
      )
      .map((order) =>
        bodies.map((body, index): ReferencePolicy => {
          const slug = `p${String(order[index]).padStart(3, '0')}`;
          return { name: `Policy ${slug}`, slug, ...body };
        }),
      ),
  );
}

/** A set. Its own scope never contradicts its policies', which the compiler would refuse. */
export function policySet(maxPolicies = 8): fc.Arbitrary<Omit<ReferenceSet, 'name'>> {
  return fc.record(
    {
      layer: fc.constantFrom('platform' as const, 'tenant' as const, 'workspace' as const),
      combining: fc.constantFrom('priority' as const, 'first_match' as const, 'deny_overrides' as const),
      priority_order: fc.constantFrom('desc' as const, 'asc' as const),
      policies: policies(maxPolicies),
      tenant: fc.constant('t1'),
      workspace: fc.constant('w1'),
      environments: fc.constantFrom({ only: ['prod'] }, { except: ['prod', 'dev'] }),
    },
    { requiredKeys: ['layer', 'combining', 'priority_order', 'policies'] },
  );
}

/** A bundle of up to four sets. */
export function bundle(maxPolicies = 8): fc.Arbitrary<ReferenceBundle> {
  return fc
    .record({
      default: fc.constantFrom('allow' as const, 'deny' as const),
      sets: fc.array(policySet(maxPolicies), { maxLength: 4 }),
    })
    .map(({ default: fallback, sets }) => ({
      version: '1.0.0',
      default: fallback,
      fields: DECLARED_FIELDS,
      sets: sets.map((set, index): ReferenceSet => {
        // Slugs are distinct over the whole bundle here, so that a report names its rule without doubt.
        const own = set.policies.map((policy) => ({ ...policy, slug: `${policy.slug}-s${index}` }));
        return { name: `s${index}`, ...set, policies: own };
      }),
    }));
}
