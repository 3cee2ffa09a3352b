import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '../model/request.js';
import { compileBundle } from './compile.js';
import { type Engine, linkBundle } from './link.js';

function engine(policies: unknown, more: object = {}): Engine {
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'b',
    version: '2.1.0',
    ...more,
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
  return linkBundle(structuredClone(result.value));
}

const REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  agent: { id: 'a' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
};
const when = { field: 'tool.arguments.path', operator: 'contains', value: '/etc' };

describe('an engine', () => {
  test('tells its version, how many policies are active and which fields they read', () => {
    const linked = engine([
      { name: 'A', when, effect: 'deny', priority: 1, on: ['tool_call'] },
      {
        name: 'B',
        when: { field: 'user.team', operator: 'exists' },
        effect: 'allow',
        priority: 2,
        scope: { tenant: 't' },
      },
      { name: 'C', when: { field: 'peer.url', operator: 'exists' }, effect: 'allow', priority: 2, status: 'disabled' },
    ]);
    expect(linked.policyVersion).toBe('2.1.0');
    expect(linked.policyCount).toBe(2);
    expect(linked.factsNeeded).toEqual(['kind', 'tenant_id', 'tool.arguments.path', 'user.team']);
  });

  test('names the condition, file and line of an error, and never the value', () => {
    const linked = engine([{ name: 'A', when: { operator: 'and', conditions: [when] }, effect: 'deny', priority: 1 }]);
    const verdict = linked.evaluate({ ...REQUEST, tool: { arguments: { path: { secret: 'hunter2' } } } });
    expect(verdict.errors).toEqual([
      {
        policy: 'a',
        layer: 'platform',
        path: 'when.conditions[0]',
        message: 'contains on tool.arguments.path: the request holds a value of the wrong type there (p/a.json:1)',
      },
    ]);
    expect(JSON.stringify(verdict)).not.toContain('hunter2');
  });

  test('fills in the words of a denial', () => {
    const denial = { type: 'deny', deny_reason_code: 'X', deny_user_message: 'Not here.' };
    expect(engine({ name: 'No', when: 'always', effect: denial, priority: 1 }).evaluate(REQUEST).deny).toEqual([
      { code: 'POLICY_DENIED', message: 'Not here.', path: 'platform/no', reason_code: 'X' },
    ]);
    expect(engine({ name: 'No', when: 'always', effect: 'deny', priority: 1 }).evaluate(REQUEST).deny).toEqual([
      { code: 'POLICY_DENIED', message: 'denied by the policy "No"', path: 'platform/no' },
    ]);
  });

  test.each<{ name: string; request: unknown }>([
    { name: 'nothing', request: undefined },
    { name: 'null', request: null },
    { name: 'a text', request: 'allow' },
    { name: 'an empty object', request: {} },
    { name: 'a request without parts', request: { version: '1.0', source: 'nowhere' } },
    { name: 'parts of wrong types', request: { ...REQUEST, agent: null, tool: 5, context: [] } },
    {
      name: 'an object that throws',
      request: {
        ...REQUEST,
        get tool() {
          throw new Error('boom');
        },
      },
    },
  ])('does not throw and does not allow on $name', ({ request }) => {
    const on = ['tool_call'];
    const linked = engine([
      { name: 'A', when, effect: 'deny', priority: 9 },
      { name: 'B', on, when: { field: 'agent.id', operator: 'equals', value: 'a' }, effect: 'allow', priority: 1 },
    ]);
    expect(linked.evaluate(request as CanonicalRequest).effect).toBe('deny');
  });

  test('ignores what a prototype would add', () => {
    const linked = engine({
      name: 'A',
      when: { field: 'user.role', operator: 'equals', value: 'admin' },
      effect: 'allow',
      priority: 1,
    });
    const user = Object.create({ role: 'admin' }) as object;
    expect(linked.evaluate({ ...REQUEST, user }).effect).toBe('deny');
  });

  test('answers the same after other requests', () => {
    const linked = engine([
      { name: 'A', when: { field: 'agent.id', operator: 'equals', value: 'a' }, effect: 'allow', priority: 1 },
      { name: 'B', when: { field: 'agent.id', operator: 'equals', value: 'b' }, effect: 'deny', priority: 1 },
    ]);
    const first = linked.evaluate(REQUEST);
    linked.evaluate({ ...REQUEST, agent: { id: 'b' } });
    linked.evaluate({ ...REQUEST, agent: { id: 'zzz' } });
    expect(linked.evaluate(REQUEST)).toEqual(first);
    expect(first.effect).toBe('allow');
  });
});
