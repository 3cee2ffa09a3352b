import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import {
  createFindings,
  engineOf,
  everyAction,
  type Finding,
  policyOf,
  problemsOf,
  requestOf,
} from './testing/decide-typed.js';
import { TOOL_PIN } from './tool-pin.js';

const findingsOf = createFindings();

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const C = 'c'.repeat(64);
const PINS = [
  { server: 'pay', name: 'transfer', digest: A },
  { server: 'pay', name: 'transfer', digest: `sha256:${B}` },
  { server: 'pay', name: 'balance', digest: B },
];

describe('tool_pin', () => {
  test.each<{ name: string; unpinned?: string; kind?: string; tool: JsonObject; finding: Finding }>([
    {
      name: 'the pinned definition',
      tool: { server: 'pay', name: 'transfer', definition_digest: A },
      finding: 'complies',
    },
    { name: 'the other one', tool: { server: 'pay', name: 'transfer', definition_digest: B }, finding: 'complies' },
    {
      name: 'with the name of the algorithm',
      tool: { server: 'pay', name: 'transfer', definition_digest: `sha256:${A}` },
      finding: 'complies',
    },
    { name: 'a changed one', tool: { server: 'pay', name: 'transfer', definition_digest: C }, finding: 'violates' },
    { name: "another tool's", tool: { server: 'pay', name: 'balance', definition_digest: A }, finding: 'violates' },
    { name: 'none', tool: { server: 'pay', name: 'transfer' }, finding: 'violates' },
    { name: 'one that is no text', tool: { server: 'pay', name: 'transfer', definition_digest: 5 }, finding: 'errs' },
    { name: 'a tool without a pin', tool: { server: 'pay', name: 'x', definition_digest: A }, finding: 'violates' },
    {
      name: 'at another server',
      tool: { server: 'evil', name: 'transfer', definition_digest: A },
      finding: 'violates',
    },
    { name: 'no server', tool: { name: 'transfer', definition_digest: A }, finding: 'violates' },
    { name: 'an unpinned tool, ignored', unpinned: 'ignore', tool: { server: 'pay', name: 'x' }, finding: 'complies' },
    {
      name: 'a changed one, unpinned ones ignored',
      unpinned: 'ignore',
      tool: { server: 'pay', name: 'transfer', definition_digest: C },
      finding: 'violates',
    },
    { name: 'the list as such', kind: 'tool_list', tool: { server: 'pay' }, finding: 'complies' },
    { name: 'an entry of the list', kind: 'tool_list', tool: { server: 'pay', name: 'x' }, finding: 'violates' },
  ])('$name: $finding', ({ unpinned, kind = 'tool_call', tool, finding }) => {
    const policy = policyOf('tool_pin', { pins: PINS, ...(unpinned === undefined ? {} : { unpinned }) });
    expect(findingsOf(policy, requestOf(kind, { tool }))).toEqual(everyAction('tool_pin', finding));
  });

  test('the example stops a changed tool and lets others pass', () => {
    const engine = engineOf(TOOL_PIN.example);
    const call = (name: string) =>
      engine.evaluate(requestOf('tool_call', { tool: { server: 'payments', name, definition_digest: A } }));
    expect(call('transfer').deny).toMatchObject([{ reason_code: 'TOOL_DEFINITION_CHANGED' }]);
    expect(call('balance').effect).toBe('allow');
  });

  test.each<{ config: Json; says: string }>([
    {
      config: { pins: [{ server: 'a', name: 'b', digest: 'ABC' }] },
      says: 'config.pins[0].digest: expected a SHA-256 digest',
    },
    { config: { pins: [{ server: 'a', name: 'b', diggest: A }] }, says: 'did you mean "digest"?' },
    { config: { pins: PINS, unpinned: 'allow' }, says: 'config.unpinned: "allow" is not one of deny, ignore' },
    { config: { pins: [] }, says: 'config.pins' },
  ])('refused: $says', ({ config, says }) => {
    expect(problemsOf(policyOf('tool_pin', config)).join('\n')).toContain(says);
  });
});
