import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '../model/request.js';
import { compileBundle } from './compile.js';
import type { Explanation } from './explain.js';
import { linkBundle } from './link.js';

const SET = { combining: 'priority', priority_order: 'desc' };
const REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  agent: { id: 'a', attributes: { clearance: 'top-secret-value' } },
  tool: { name: 'read', arguments: { path: '/home/alice/diary', size: 5, list: [1, 2, 3] } },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r', labels: ['x'] },
};
const leaf = (field: string, operator: string, value: unknown): object => ({ field, operator, value });
const policy = (name: string, when: unknown, effect: unknown, priority: number): object => ({
  name,
  when,
  effect,
  priority,
});

function explain(
  sets: Readonly<Record<string, { layer?: string; tenant?: string; combining?: string; policies: unknown }>>,
): Explanation {
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'b',
    version: '1.0.0',
    sets: Object.entries(sets).map(([name, { policies: _policies, ...set }]) => ({
      ...SET,
      layer: 'platform',
      ...set,
      name,
      policies: name,
    })),
  };
  const result = compileBundle(
    new Map([
      ['bundle.yaml', bytes(manifest)],
      ...Object.entries(sets).map(([name, set]) => [`${name}/a.json`, bytes(set.policies)] as const),
    ]),
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return linkBundle(result.value).explain(REQUEST);
}

const rolesOf = (explanation: Explanation): readonly string[] =>
  explanation.sets.flatMap((set) => set.rules.map((rule) => `${rule.policy}: ${rule.outcome}, ${rule.role}`));

describe('an explanation', () => {
  test('lists every rule in order, with what it did', () => {
    const explanation = explain({
      base: {
        policies: [
          policy('Watch', 'always', 'log_only', 90),
          policy('Errs', leaf('tool.arguments.size', 'equals', 'five'), 'allow', 80),
          policy('Misses', leaf('tool.name', 'equals', 'write'), 'deny', 70),
          policy('Decides', leaf('tool.name', 'equals', 'read'), 'allow', 60),
          policy('Late', 'always', 'deny', 50),
        ],
      },
    });
    expect(rolesOf(explanation)).toEqual([
      'watch: matched, recorded',
      'errs: error, void',
      'misses: not_matched, none',
      'decides: matched, decided',
      'late: matched, not_reached',
    ]);
    expect(explanation.sets[0]?.rules[4]?.why).toBe('decides decided the set before it');
    expect(explanation.summary).toBe('allow: decided by platform/base');
    expect(explanation.verdict.effect).toBe('allow');
  });

  test('says what was overridden and why', () => {
    const explanation = explain({
      base: {
        combining: 'deny_overrides',
        policies: [policy('Exception', 'always', 'allow', 90), policy('Denial', 'always', 'deny', 10)],
      },
    });
    expect(rolesOf(explanation)).toEqual(['exception: matched, decided', 'denial: matched, overridden']);
    expect(explanation.sets[0]?.rules[1]?.why).toBe(
      'it would deny, and an allow of higher priority (exception) lifts it',
    );
  });

  test('says which set an allow lost against', () => {
    const explanation = explain({
      base: { policies: policy('Stop', 'always', 'deny', 1) },
      team: { layer: 'workspace', policies: policy('Go', 'always', 'allow', 99) },
    });
    expect(explanation.summary).toBe(
      "deny: decided by platform/base; the allow of workspace/team does not lift another set's denial",
    );
  });

  test('says when nothing decided', () => {
    const explanation = explain({ base: { policies: policy('Never', leaf('tool.name', 'equals', 'x'), 'allow', 1) } });
    expect(explanation.summary).toBe('deny: no set decided, so the default does');
  });

  test("leaves out other tenants' sets", () => {
    const explanation = explain({
      base: { policies: policy('Mine', 'always', 'allow', 1) },
      other: { layer: 'tenant', tenant: 'globex', policies: policy('Theirs', 'always', 'deny', 1) },
    });
    expect(rolesOf(explanation)).toEqual(['mine: matched, decided']);
  });

  test('shows each condition with its place, outcome and value, but no payload', () => {
    const conditions = [
      leaf('tool.name', 'equals', 'read'),
      leaf('tool.arguments.path', 'contains', '/etc'),
      leaf('tool.arguments.list', 'contains', 3),
      leaf('tool.arguments', 'exists', true),
      leaf('agent.attributes.clearance', 'not_equals', 'none'),
      leaf('user.team', 'equals', 'x'),
      leaf('context.labels', 'contains', 'x'),
    ];
    const explanation = explain({ base: { policies: policy('All', { operator: 'or', conditions }, 'deny', 1) } });
    const shown = explanation.sets[0]?.rules[0]?.conditions.map(({ path, field, outcome, value }) => ({
      path,
      field,
      outcome,
      value,
    }));
    expect(shown).toEqual([
      { path: 'when.conditions[0]', field: 'tool.name', outcome: 'true', value: { is: 'value', value: 'read' } },
      {
        path: 'when.conditions[1]',
        field: 'tool.arguments.path',
        outcome: 'false',
        value: { is: 'redacted', type: 'string', length: 17 },
      },
      {
        path: 'when.conditions[2]',
        field: 'tool.arguments.list',
        outcome: 'true',
        value: { is: 'redacted', type: 'list', length: 3 },
      },
      {
        path: 'when.conditions[3]',
        field: 'tool.arguments',
        outcome: 'true',
        value: { is: 'redacted', type: 'object', length: 3 },
      },
      {
        path: 'when.conditions[4]',
        field: 'agent.attributes.clearance',
        outcome: 'true',
        value: { is: 'redacted', type: 'string', length: 16 },
      },
      { path: 'when.conditions[5]', field: 'user.team', outcome: 'false', value: { is: 'missing' } },
      { path: 'when.conditions[6]', field: 'context.labels', outcome: 'true', value: { is: 'value', value: ['x'] } },
    ]);
    expect(JSON.stringify(explanation)).not.toContain('alice');
    expect(JSON.stringify(explanation)).not.toContain('top-secret-value');
  });
});
