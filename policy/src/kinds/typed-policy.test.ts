import { describe, expect, test } from '@jest/globals';
import { compileBundle } from '../engine/compile.js';
import { linkBundle } from '../engine/link.js';
import type { CanonicalRequest, Environment, Json } from '../model/request.js';

const LIMIT = {
  name: 'Few payments',
  type: 'rate_limit',
  action: 'deny',
  priority: 1,
  config: { max_requests: 5, window_seconds: 3600 },
};
const GO = { name: 'Go', when: 'always', effect: 'allow', priority: 5 };

function engineOf(policies: readonly Json[], set: object = {}) {
  const bundle = {
    format: 'portcullis.policy/1',
    name: 'b',
    version: '1.0.0',
    sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'asc', policies: 'p', ...set }],
  };
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const compiled = compileBundle(
    new Map([
      ['bundle.yaml', text(bundle)],
      ['p/all.json', text(policies)],
    ]),
  );
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return linkBundle(compiled.value);
}

function asking(tool: string, environment?: Environment): CanonicalRequest {
  const context = { timestamp: '2026-01-15T10:00:00Z', request_id: 'r' };
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    agent: { id: 'a' },
    tool: { name: tool },
    context: environment === undefined ? context : { ...context, environment },
  };
}

describe('a typed policy with a when', () => {
  const engine = engineOf([{ ...LIMIT, when: { field: 'tool.name', operator: 'equals', value: 'pay' } }, GO]);

  test('speaks of what both say', () => {
    expect(engine.evaluate(asking('pay')).guards.map(({ id }) => id)).toEqual(['platform/s/few-payments']);
  });

  test('speaks of nothing else', () => {
    expect(engine.evaluate(asking('read')).guards).toEqual([]);
  });

  test('is told where its when is wrong', () => {
    const wrong = { ...LIMIT, when: { field: 'tool.nam', operator: 'equals', value: 'pay' } };
    expect(() => engineOf([wrong])).toThrow(/did you mean .*tool\.name.*when\.field/);
  });

  test('a stray type beside an effect is no typed policy', () => {
    expect(() => engineOf([{ ...GO, type: 'x' }])).toThrow(/unknown key \\"type\\"/);
  });
});

describe('a set that speaks of some environments', () => {
  const deny = { name: 'No', when: 'always', effect: 'deny', priority: 1 };
  test.each<[string, object, Json, Environment | undefined, string]>([
    ['only, inside', { only: ['prod'] }, GO, 'prod', 'allow'],
    ['only, outside', { only: ['prod'] }, GO, 'dev', 'deny'],
    ['only, nobody knows where: nothing allows', { only: ['prod'] }, GO, undefined, 'deny'],
    ['except, outside', { except: ['prod'] }, GO, 'dev', 'allow'],
    ['except, inside', { except: ['prod'] }, GO, 'prod', 'deny'],
    ['except, nobody knows where: nothing allows', { except: ['prod'] }, GO, undefined, 'deny'],
  ])('%s', (_name, environments, policy, environment, effect) => {
    expect(engineOf([policy], { environments }).evaluate(asking('read', environment)).effect).toBe(effect);
  });

  test.each([{ only: ['prod'] }, { except: ['prod'] }])(
    '%p, nobody knows where: what blocks applies',
    (environments) => {
      expect(engineOf([deny], { environments }).evaluate(asking('read')).deny).toMatchObject([
        { code: 'POLICY_DENIED' },
      ]);
    },
  );
});

describe('a redaction where the first match decides', () => {
  const redact = {
    name: 'Mask',
    when: { field: 'user.role', operator: 'not_equals', value: 'dpo' },
    effect: 'redact',
    priority: 1,
  };
  test.each([
    ['first_match', 'deny', 'POLICY_ERROR'],
    ['priority', 'allow', undefined],
  ])('%s: a missing role', (combining, effect, code) => {
    const verdict = engineOf([redact, GO], { combining }).evaluate(asking('read'));
    expect([verdict.effect, verdict.deny[0]?.code]).toEqual([effect, code]);
  });
});
