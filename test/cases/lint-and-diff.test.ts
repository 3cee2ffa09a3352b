import { describe, expect, test } from '@jest/globals';
import { type CompiledBundle, linkBundle } from '@portcullis/policy';
import { compareBundles, lintBundle, verdictChange } from '@portcullis/policy/analysis';
import type { ContextualRequest, Json, JsonObject } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import * as fc from 'fast-check';
import { compiled, sourceOf } from '../support/bundle-source.js';
import { bundle } from '../support/policy-generators.js';
import type { ReferenceBundle } from '../support/reference-evaluator.js';
import { request } from '../support/request-generators.js';

/** What lint and diff claim, against bundles and requests that were generated for the engine and know nothing of either. */

const REQUESTS = 30;
const RUNS = Math.max(1, Math.ceil(Number(process.env['JEST_PROPERTY_RUNS'] ?? 10_000) / 500));
const TIMEOUT_MS = 60_000 + RUNS * 2000;

const BASE = {
  version: '1.0',
  tenant_id: 't1',
  source: 'mcp_proxy',
  agent: { id: 'a' },
  context: { timestamp: '2026-01-05T12:00:00Z', request_id: 'r1' },
} as const;

/** The parts of a generated request that a decision point would accept, in a request that it accepts. */
function accepted(generated: ContextualRequest): ContextualRequest {
  let request: JsonObject = BASE;
  const add = (candidate: JsonObject): void => {
    if (parseCanonicalRequest(candidate).ok) request = candidate;
  };
  for (const [name, value] of Object.entries(generated as unknown as JsonObject)) {
    if (name === 'facts') continue;
    const own = request[name];
    if (!isObject(value) || !isObject(own)) add({ ...request, [name]: value });
    else
      for (const [key, member] of Object.entries(value))
        add({ ...request, [name]: { ...(request[name] as JsonObject), [key]: member } });
  }
  return request as unknown as ContextualRequest;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const requests = fc.array(request().map(accepted), { minLength: REQUESTS, maxLength: REQUESTS });
const compile = (given: ReferenceBundle): CompiledBundle => compiled(sourceOf(given));

const SILENT: ReadonlySet<string> = new Set(['LINT_SHADOWED', 'LINT_UNREACHABLE', 'LINT_CONTRADICTORY']);

describe('lint', () => {
  /** Values at the ends of what the schema of the canonical request allows. */
  const VALUES: readonly (readonly [field: string, values: readonly Json[]])[] = [
    ['agent.trust_level', [-0.1, 0, 1, 1.1]],
    ['egress.port', [0, 1, 1.5, 65_535, 65_536]],
    ['egress.bytes', [-1, 0, 1e15]],
    ['request.max_tokens', [-1, 0, 0.5]],
    ['request.estimated_tokens', [-1, 0]],
    ['intent_risk.risk_dimensions.x', [-5, 5]],
    ['agent.id', ['', 'x'.repeat(256), 'x'.repeat(257)]],
    ['tenant_id', ['', 'x']],
    ['context.request_id', ['', 'x'.repeat(257)]],
    ['tool.name', ['', 'x'.repeat(1024), 'x'.repeat(1025)]],
    ['tool.arguments.p', ['', 'x'.repeat(2000), -1]],
    ['egress.path', ['x'.repeat(16_384), 'x'.repeat(16_385)]],
    ['peer.url', ['x'.repeat(16_384), 'x'.repeat(16_385)]],
    ['request.model_endpoint', ['x'.repeat(16_385)]],
    ['request.query', ['x'.repeat(20_000)]],
    ['request.output', ['x'.repeat(20_000)]],
    ['intent_risk.explanation', ['x'.repeat(16_384), 'x'.repeat(16_385)]],
  ];

  test.each(
    VALUES.flatMap(([field, values]) =>
      values.map((value) => ({ field, value, shown: JSON.stringify(value).slice(0, 20) })),
    ),
  )('a comparison with $field = $shown can hold exactly when a request may say so', ({ field, value }) => {
    const policy = { name: 'p', slug: 'p', when: { field, operator: 'equals', value }, effect: 'deny', priority: 1 };
    const set = {
      name: 's',
      layer: 'tenant',
      combining: 'priority',
      priority_order: 'desc',
      policies: [policy],
    } as const;
    const { findings } = lintBundle(compile({ version: '1.0.0', sets: [set] }));
    const parts = field.split('.');
    const put = (here: JsonObject, [name = '', ...rest]: readonly string[]): JsonObject => {
      const inner = here[name];
      return { ...here, [name]: rest.length === 0 ? value : put(isObject(inner) ? inner : {}, rest) };
    };
    const accepts = parseCanonicalRequest(put(BASE, parts)).ok;
    expect(findings.some(({ code }) => code === 'LINT_UNSATISFIABLE')).toBe(!accepts);
  });

  test.each(['[all]', '[any]'])('an example holds a whole list, whatever is asked of its elements %s', (quantifier) => {
    const rule = (slug: string, effect: string, when: unknown) => ({ name: slug, slug, when, effect, priority: 0 });
    const set = {
      name: 's',
      layer: 'platform',
      combining: 'priority',
      priority_order: 'desc',
      policies: [
        rule('always', 'allow', 'always'),
        {
          ...rule('nowhere', 'allow', { field: `egress.resolved_ips${quantifier}`, operator: 'exists', value: false }),
          created_at: '2025-01-01T00:00:00Z',
        },
        rule('others', 'deny', { field: 'agent.id', operator: 'not_equals', value: 'a' }),
      ],
    };
    const { findings } = lintBundle(
      compile({ version: '1.0.0', default: 'allow', sets: [set] } as unknown as ReferenceBundle),
    );
    const examples = findings.flatMap(({ witness }) => witness ?? []);
    expect(examples.length).toBeGreaterThan(1);
    for (const { facts: _facts, ...asked } of examples)
      expect(parseCanonicalRequest(asked as unknown as Json)).toMatchObject({ ok: true });
  });

  test(
    'no request makes a policy speak of which it says that it never does, and its witnesses match',
    () => {
      let claims = 0;
      fc.assert(
        fc.property(bundle(6), requests, (given, attempts) => {
          const policies = compile(given);
          const engine = linkBundle(policies);
          const { findings } = lintBundle(policies);
          claims += findings.filter(({ code }) => SILENT.has(code) || code === 'LINT_UNSATISFIABLE').length;
          for (const attempt of attempts) {
            for (const { set, rules } of engine.explain(attempt).sets) {
              for (const { policy, role, outcome } of rules) {
                const own = findings.filter((finding) => finding.policy === policy && finding.set === set);
                if (own.some(({ code }) => SILENT.has(code))) expect(['decided', 'recorded']).not.toContain(role);
                if (own.some(({ code }) => code === 'LINT_UNSATISFIABLE')) expect(outcome).not.toBe('matched');
              }
            }
          }
          for (const { witness, policy, set } of findings) {
            if (witness === undefined) continue;
            const { facts: _facts, ...asked } = witness;
            expect(parseCanonicalRequest(asked as unknown as Json)).toMatchObject({ ok: true });
            const found = engine.explain(witness).sets.find((one) => one.set === set);
            expect(found?.rules.find((rule) => rule.policy === policy)?.outcome).toBe('matched');
          }
        }),
        { numRuns: RUNS },
      );
      expect(claims).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

/** Two bundles that differ in some policies of one of their sets. */
const versions = fc.tuple(bundle(4), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })).map(([given, kept]) => {
  const [first, ...rest] = given.sets;
  if (first === undefined) return [given, given] as const;
  const policies = first.policies.filter((_, index) => kept[index] !== false);
  return [
    given,
    { ...given, sets: [{ ...first, policies: policies.length > 0 ? policies : first.policies }, ...rest] },
  ] as const;
});

describe('diff', () => {
  test(
    'every flip is one, and a comparison that calls itself complete has an example of each way to flip',
    () => {
      fc.assert(
        fc.property(versions, requests, ([before, after], attempts) => {
          const [old, current] = [compile(before), compile(after)];
          const [one, other] = [linkBundle(old), linkBundle(current)];
          const changeOf = (attempt: ContextualRequest) =>
            verdictChange(one.evaluate(attempt), other.evaluate(attempt));
          const { flips, complete, changes } = compareBundles(old, current);
          for (const flip of flips) expect(changeOf(flip.request)).toBe(flip.change);
          const seen = new Set(attempts.map(changeOf).filter((change) => change !== undefined));
          if (changes.length === 0) expect([...seen]).toEqual([]);
          const found = flips.map(({ change }) => change);
          if (complete) for (const change of seen) expect(found).toContain(change);
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});
