import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest } from '../model/index.js';
import { compileBundle } from './compile.js';
import { type Engine, linkBundle } from './link.js';

const SET = { name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' };
const is = (field: string, value: unknown): object => ({ field, operator: 'equals', value });
const HOLD = {
  name: 'Hold',
  when: is('tool.name', 'pay'),
  effect: { type: 'require_approval', role: 'a' },
  priority: 50,
};
const request = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'sdk',
  agent: { id: 'analyst' },
  tool: { server: 'bank', name: 'pay', attributes: { level: 3 } },
  context: { timestamp: '2026-01-15T10:00:00Z', request_id: 'r' },
} as unknown as ContextualRequest;

interface Changes {
  readonly manifest?: object;
  readonly set?: object;
  readonly policies?: readonly object[];
  readonly files?: Readonly<Record<string, object>>;
  readonly indent?: number;
}

function engine({ manifest = {}, set = {}, policies = [HOLD], files = {}, indent = 0 }: Changes = {}): Engine {
  const bytes = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value, null, indent));
  const bundle = {
    format: 'portcullis.policy/1',
    name: 'b',
    version: '1.0.0',
    sets: [{ ...SET, ...set }],
    ...manifest,
  };
  const compiled = compileBundle(
    new Map(
      Object.entries({ 'bundle.yaml': bundle, 'p/a.json': policies, ...files }).map(([name, one]) => [
        name,
        bytes(one),
      ]),
    ),
  );
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return linkBundle(compiled.value);
}

const tools = (sensitivity: string): Changes => ({
  manifest: { data: { tools: 'd/t.json' } },
  files: { 'd/t.json': { tools: [{ server: 'bank', name: 'pay', sensitivity }] } },
});

describe('what a verdict rests on', () => {
  const basis = engine().basisOf(request);

  test.each<[string, Changes]>([
    ['where it is written', { indent: 4 }],
    ['the version of the bundle', { manifest: { version: '2.0.0', name: 'other' } }],
    ['a policy that is silent', { policies: [{ ...HOLD, name: 'Other', when: is('tool.name', 'x') }, HOLD] }],
    [
      'what is known of another tool',
      { ...tools('low'), files: { 'd/t.json': { tools: [{ server: 'x', name: 'y' }] } } },
    ],
  ])('is not %s', (_name, changes) => {
    expect(basis).toMatch(/"rules"/);
    expect(engine(changes).basisOf(request)).toBe(basis);
  });

  test.each<[string, Changes]>([
    ['what happens by default', { manifest: { default: 'allow' } }],
    ['how rules combine', { set: { combining: 'deny_overrides' } }],
    ['the layer', { set: { layer: 'tenant' } }],
    ['the name of the set', { set: { name: 't' } }],
    ['which end of the priorities wins', { set: { priority_order: 'asc' } }],
    ['the rule: its priority', { policies: [{ ...HOLD, priority: 51 }] }],
    [
      'the rule: another condition that holds as well',
      { policies: [{ ...HOLD, when: { operator: 'and', conditions: [is('tool.name', 'pay'), is('source', 'sdk')] } }] },
    ],
    ['a rule that speaks besides', { policies: [{ ...HOLD, name: 'Log', effect: 'log_only', priority: 90 }, HOLD] }],
    ['what is known of the tool', tools('low')],
    ['declared fields', { manifest: { fields: { 'tool.attributes.level': { type: 'number' } } } }],
  ])('is %s', (_name, changes) => {
    expect(engine(changes).basisOf(request)).not.toBe(basis);
  });

  test('is what is known of the tool and the agent, and follows it', () => {
    expect(engine(tools('low')).basisOf(request)).not.toBe(engine(tools('high')).basisOf(request));
  });

  test('nobody can say when a rule errs', () => {
    const odd = {
      ...HOLD,
      name: 'Odd',
      when: { field: 'tool.attributes.level', operator: 'contains', value: 'x' },
      priority: 90,
    };
    const unsure = engine({ policies: [odd, HOLD] });
    expect(unsure.evaluate(request).errors).not.toEqual([]);
    expect(unsure.basisOf(request)).toBeUndefined();
  });

  test('asking for it changes no verdict and no read set', () => {
    const one = engine();
    const before = one.evaluateWithReads(request);
    one.basisOf(request);
    expect(one.evaluateWithReads(request)).toEqual(before);
  });
});
