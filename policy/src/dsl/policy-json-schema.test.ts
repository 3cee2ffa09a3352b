import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { compileBundle } from '../engine/compile.js';
import { POLICY_TYPES, policyKind } from '../kinds/registry.js';
import { OPERATOR_NAMES } from './operators.js';
import { OPERATOR_LITERALS, policyJsonSchema } from './policy-json-schema.js';

const MANIFEST = {
  format: 'portcullis.policy/1',
  name: 'b',
  version: '1.0.0',
  sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
};
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const compiles = (policy: unknown): boolean =>
  compileBundle(
    new Map([
      ['bundle.yaml', bytes(MANIFEST)],
      ['p/a.json', bytes(policy)],
    ]),
  ).ok;

const BASE = { name: 'A', when: 'always', effect: 'allow', priority: 1 };
const when = (field: string, operator: string, value: unknown) => ({ ...BASE, when: { field, operator, value } });
const leaf = { field: 'user.team', operator: 'equals', value: 'x' };

describe('the JSON Schema and the compiler agree on', () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true }).compile(policyJsonSchema());
  test.each<{ name: string; policy: unknown; valid: boolean }>([
    { name: 'a short policy', policy: BASE, valid: true },
    {
      name: 'every key',
      policy: {
        ...BASE,
        slug: 'a',
        description: 'd',
        on: ['egress'],
        scope: { tenant: 't' },
        status: 'active',
        framework_mapping: [{ framework: 'F', clause: 'C' }],
        created_at: '2025-01-01T00:00:00Z',
      },
      valid: true,
    },
    { name: 'a leaf', policy: { ...BASE, when: leaf }, valid: true },
    {
      name: 'exists without a value',
      policy: { ...BASE, when: { field: 'user.team', operator: 'exists' } },
      valid: true,
    },
    {
      name: 'nested groups',
      policy: { ...BASE, when: { operator: 'and', conditions: [{ operator: 'not', conditions: [leaf] }, leaf] } },
      valid: true,
    },
    {
      name: 'a denial',
      policy: { ...BASE, effect: { type: 'deny', deny_reason_code: 'A', deny_user_message: 'm' } },
      valid: true,
    },
    { name: 'an effect as object', policy: { ...BASE, effect: { type: 'log_only' } }, valid: true },
    { name: 'no when', policy: { ...BASE, when: undefined }, valid: false },
    { name: 'no effect', policy: { ...BASE, effect: undefined }, valid: false },
    { name: 'no priority', policy: { ...BASE, priority: undefined }, valid: false },
    { name: 'an unknown key', policy: { ...BASE, extra: 1 }, valid: false },
    { name: 'an unknown operator', policy: { ...BASE, when: { ...leaf, operator: 'equal' } }, valid: false },
    { name: 'an empty group', policy: { ...BASE, when: { operator: 'and', conditions: [] } }, valid: false },
    { name: 'a limit', policy: { ...BASE, effect: { type: 'limit', max_tokens: 500 } }, valid: true },
    { name: 'a limit of nothing', policy: { ...BASE, effect: { type: 'limit', max_tokens: 0 } }, valid: false },
    { name: 'a limit without one', policy: { ...BASE, effect: { type: 'limit' } }, valid: false },
    { name: 'a redaction', policy: { ...BASE, effect: 'redact' }, valid: true },
    { name: 'an unknown effect', policy: { ...BASE, effect: 'alow' }, valid: false },
    {
      name: 'a reason on an allow',
      policy: { ...BASE, effect: { type: 'allow', deny_reason_code: 'A' } },
      valid: false,
    },
    { name: 'an unknown status', policy: { ...BASE, status: 'off' }, valid: false },
    { name: 'a priority over 100', policy: { ...BASE, priority: 101 }, valid: false },
    { name: 'a null literal', policy: { ...BASE, when: { ...leaf, value: null } }, valid: false },
    { name: 'an empty list', policy: { ...BASE, when: { ...leaf, operator: 'in', value: [] } }, valid: false },
    { name: 'a list of policies', policy: [BASE, { ...BASE, name: 'B' }], valid: true },
    { name: 'a list with one that is none', policy: [BASE, {}], valid: false },
    { name: 'elements of a list', policy: when('tool.arguments.to[all].domain', 'ends_with', '.org'), valid: true },
    { name: 'texts that begin', policy: when('user.id', 'starts_with', ['a', 'b']), valid: true },
    { name: 'a prefix that is empty', policy: when('user.id', 'starts_with', ''), valid: false },
    { name: 'a prefix that is a number', policy: when('user.id', 'starts_with', 5), valid: false },
    { name: 'a list for equals', policy: when('user.id', 'equals', ['a']), valid: false },
    { name: 'one value for in', policy: when('user.id', 'in', 'a'), valid: false },
    { name: 'a number to be greater', policy: when('agent.trust_level', 'greater_or_equal', 0.5), valid: true },
    { name: 'a time to be later', policy: when('context.timestamp', 'greater_than', '2026-01-31'), valid: true },
    { name: 'a truth value to be greater', policy: when('tool.arguments.x', 'greater_than', true), valid: false },
    { name: 'two bounds', policy: when('egress.port', 'between', [1, 1023]), valid: true },
    { name: 'three bounds', policy: when('egress.port', 'between', [1, 2, 3]), valid: false },
    { name: 'globs', policy: when('tool.name', 'glob_match', ['fs/*', 'db/**']), valid: true },
    { name: 'a glob that is a number', policy: when('tool.name', 'glob_match', 5), valid: false },
    { name: 'a pattern', policy: when('tool.name', 'regex_match', '^a'), valid: true },
    { name: 'a list of patterns', policy: when('tool.name', 'regex_match', ['^a']), valid: false },
    { name: 'domains', policy: when('egress.host', 'domain_match', ['a.org', '*.b.org']), valid: true },
    { name: 'a range', policy: when('context.ip', 'cidr_match', '10.0.0.0/8'), valid: true },
    { name: 'a range that is a number', policy: when('context.ip', 'cidr_match', 10), valid: false },
    { name: 'members', policy: when('context.labels', 'contains_all', ['a', 'b']), valid: true },
    { name: 'no members', policy: when('context.labels', 'contains_any', []), valid: false },
    { name: 'a subset of a text', policy: when('context.labels', 'subset_of', 'a'), valid: false },
    {
      name: 'a window',
      policy: when('context.timestamp', 'in_time_window', {
        timezone: 'UTC',
        days: ['mon'],
        from: '09:00',
        to: '17:00',
      }),
      valid: true,
    },
    {
      name: 'a window with a weekday that is none',
      policy: when('context.timestamp', 'in_time_window', { timezone: 'UTC', days: ['monday'] }),
      valid: false,
    },
    {
      name: 'a window without its zone',
      policy: when('context.timestamp', 'in_time_window', { days: ['mon'] }),
      valid: false,
    },
    {
      name: 'an hour that no day has',
      policy: when('context.timestamp', 'in_time_window', { timezone: 'UTC', from: '25:00', to: '26:00' }),
      valid: false,
    },
    { name: 'exists with a text', policy: when('user.id', 'exists', 'yes'), valid: false },
    { name: 'an operator of the compiler', policy: when('user.id', 'text_matches', { patterns: ['a'] }), valid: false },
    {
      name: 'a type that is none',
      policy: { name: 'A', type: 'rate', action: 'deny', priority: 1, config: {} },
      valid: false,
    },
    { name: 'an empty scope', policy: { ...BASE, scope: {} }, valid: false },
  ])('$name', ({ policy, valid }) => {
    const written: unknown = JSON.parse(JSON.stringify(policy));
    expect({ schema: validate(written), compiler: compiles(written) }).toEqual({ schema: valid, compiler: valid });
  });

  test.each(POLICY_TYPES.map((type) => ({ type })))('the example of $type', ({ type }) => {
    const { example } = policyKind(type);
    expect({ schema: validate(example), compiler: compiles(example) }).toEqual({ schema: true, compiler: true });
    const extended = { ...example, config: { ...(example['config'] as object), not_a_key: 1 } };
    expect({ schema: validate(extended), compiler: compiles(extended) }).toEqual({ schema: false, compiler: false });
  });
});

test('every operator that authors may write has its literal, once', () => {
  const named = OPERATOR_LITERALS.flatMap(({ operators }) => operators);
  expect([...named].sort()).toEqual([...OPERATOR_NAMES].sort());
});
