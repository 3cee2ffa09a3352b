import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { compileBundle } from '../engine/compile.js';
import { policyJsonSchema } from './schema.js';

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
    { name: 'an effect of a later version', policy: { ...BASE, effect: 'redact' }, valid: false },
    {
      name: 'a reason on an allow',
      policy: { ...BASE, effect: { type: 'allow', deny_reason_code: 'A' } },
      valid: false,
    },
    { name: 'an unknown status', policy: { ...BASE, status: 'off' }, valid: false },
    { name: 'a priority over 100', policy: { ...BASE, priority: 101 }, valid: false },
    { name: 'a null literal', policy: { ...BASE, when: { ...leaf, value: null } }, valid: false },
    { name: 'an empty list', policy: { ...BASE, when: { ...leaf, operator: 'in', value: [] } }, valid: false },
    { name: 'an empty scope', policy: { ...BASE, scope: {} }, valid: false },
  ])('$name', ({ policy, valid }) => {
    const written: unknown = JSON.parse(JSON.stringify(policy));
    expect({ schema: validate(written), compiler: compiles(written) }).toEqual({ schema: valid, compiler: valid });
  });
});
