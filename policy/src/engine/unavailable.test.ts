import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest } from '../model/facts.js';
import { compileBundle } from './compile.js';
import { type Engine, linkBundle } from './link.js';

function engine(...policies: readonly object[]): Engine {
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'b',
    version: '1.0.0',
    sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
  };
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const result = compileBundle(
    new Map([
      ['bundle.yaml', bytes(manifest)],
      ['p/a.json', bytes(policies)],
    ]),
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return linkBundle(result.value);
}

const REQUEST: ContextualRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  agent: { id: 'a', trust_level: 0.9 },
  tool: { name: 'read' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
};
const ALLOW_READ = {
  name: 'Read',
  when: { field: 'tool.name', operator: 'equals', value: 'read' },
  effect: 'allow',
  priority: 1,
};

describe('a field that should be known and is not', () => {
  test.each([
    { field: 'agent.trust_level', operator: 'less_than', value: 0.5 },
    { field: 'agent.attributes.owner', operator: 'equals', value: 'x' },
    { field: 'facts.history[any].tool', operator: 'equals', value: 'send' },
    { field: 'facts.sinks', operator: 'contains', value: 'payment' },
  ])('makes a rule that blocks an error, which denies: $field', (when) => {
    const linked = engine(ALLOW_READ, { name: 'Block', when, effect: 'deny', priority: 2 });
    expect(linked.evaluate(REQUEST).effect).toBe('allow');
    const verdict = linked.evaluate({ ...REQUEST, unavailable: ['agent.trust_level', 'agent.attributes', 'facts'] });
    expect([verdict.effect, verdict.deny[0]?.code]).toEqual(['deny', 'POLICY_ERROR']);
  });

  test('makes a rule that allows one that does not match', () => {
    const when = { field: 'agent.trust_level', operator: 'greater_than', value: 0.5 };
    const linked = engine({ name: 'Trusted', when, effect: 'allow', priority: 1 });
    expect(linked.evaluate(REQUEST).effect).toBe('allow');
    const verdict = linked.evaluate({ ...REQUEST, unavailable: ['agent.trust_level'] });
    expect([verdict.effect, verdict.deny[0]?.code]).toEqual(['deny', 'NO_MATCHING_POLICY']);
  });

  test('is nothing to rules that do not read it', () => {
    const linked = engine(ALLOW_READ);
    expect(linked.evaluate({ ...REQUEST, unavailable: ['user', 'tool.names'] }).effect).toBe('allow');
  });
});

describe('a quota', () => {
  const limited = (per: string): object => ({
    name: 'Limit',
    type: 'quota',
    action: 'deny',
    priority: 5,
    config: { kind: 'requests', limit: 5, window_seconds: 60, per: [per] },
    enabled: true,
  });

  test('reads what its account is told by', () => {
    expect(engine(ALLOW_READ, limited('team')).factsNeeded).toContain('user.team');
  });

  test('whose account cannot be told is an error, which denies', () => {
    const linked = engine(ALLOW_READ, limited('team'));
    const request = { ...REQUEST, user: { id: 'u', team: 'claimed' } };
    expect(linked.evaluate(request).guards).toHaveLength(1);
    const verdict = linked.evaluate({ ...request, unavailable: ['user.team'] });
    expect([verdict.effect, verdict.deny[0]?.code]).toEqual(['deny', 'POLICY_ERROR']);
    expect(linked.evaluate({ ...request, unavailable: ['user.role'] }).guards).toHaveLength(1);
  });
});
