import { describe, expect, test } from '@jest/globals';
import { linkBundle, policyKind } from '@portcullis/policy';
import type { ContextualRequest, JsonObject, Verdict } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { compiled, sourceFiles } from '../support/bundle-source.js';
import type { Holds } from '../support/reference-holds.js';
import { holdsOf, type ReferenceTypedPolicy } from '../support/reference-kinds.js';
import { GENERATED_HOSTS, GENERATED_TYPES, typedPolicy, typedRequest } from '../support/typed-policy-generators.js';

/** Requests per generated policy: compiling is what costs. */
const REQUESTS = 20;
/** Pairs of a policy and a request, per type. */
const PAIRS = Number(process.env['JEST_PROPERTY_RUNS'] ?? 5_000) / 10;
const TIMEOUT_MS = 60_000 + PAIRS * 10;

/** What a lone policy's verdict says of its condition. */
function holdsIn(verdict: Verdict): Holds {
  if (verdict.errors.length > 0) return 'error';
  return verdict.matched.length > 0;
}

function sourceOf(policy: ReferenceTypedPolicy): ReadonlyMap<string, Uint8Array> {
  const { type, ...written } = policy;
  const set = { name: 'all', layer: 'platform', combining: 'priority', priority_order: 'asc', policies: 'policies' };
  return sourceFiles({
    'bundle.yaml': JSON.stringify({ format: 'portcullis.policy/1', name: 'typed', version: '1.0.0', sets: [set] }),
    'policies/one.json': JSON.stringify({ name: 'One', type, priority: 1, ...written } satisfies JsonObject),
  });
}

describe('the engine agrees with the reference on typed policies', () => {
  test.each(GENERATED_TYPES)(
    '%s',
    (type) => {
      const seen = new Set<Holds>();
      fc.assert(
        fc.property(
          typedPolicy(type, policyKind(type).actions),
          fc.array(typedRequest, { minLength: REQUESTS, maxLength: REQUESTS }),
          (policy, requests) => {
            const engine = linkBundle(compiled(sourceOf(policy)));
            for (const request of requests as unknown as readonly ContextualRequest[]) {
              const held = holdsIn(engine.evaluate(request));
              seen.add(held);
              expect({ request, held }).toEqual({ request, held: holdsOf(policy, request) });
            }
          },
        ),
        { numRuns: Math.max(1, Math.ceil(PAIRS / REQUESTS)) },
      );
      // A generator whose policies always or never apply would agree on nothing.
      expect(seen.has(true) && seen.has(false)).toBe(true);
    },
    TIMEOUT_MS,
  );

  // A policy and a host seldom meet by chance.
  test.each<JsonObject>([
    { allow: [{ domains: ['*.example.com'] }], resolved: 'any' },
    { allow: [{ cidrs: ['fe80::/10', '8.8.0.0/16'] }], resolved: 'any' },
    { allow: 'any', deny: [{ domains: ['*.example.com'] }], resolved: 'any' },
    { allow: 'any', deny: [{ cidrs: ['fe80::/10', '8.8.0.0/16'] }], resolved: 'any' },
    { allow: 'any' },
  ])('egress by hosts: %j', (config) => {
    const policy = { type: 'egress', config, action: 'deny' } as const;
    const engine = linkBundle(compiled(sourceOf(policy)));
    for (const host of GENERATED_HOSTS) {
      const request = {
        version: '1.0',
        tenant_id: 'acme',
        source: 'sdk',
        kind: 'egress',
        agent: { id: 'a' },
        egress: { host },
        context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
      } as const satisfies ContextualRequest;
      expect({ host, held: holdsIn(engine.evaluate(request)) }).toEqual({ host, held: holdsOf(policy, request) });
    }
  });
});
