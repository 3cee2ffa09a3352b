import { describe, expect, test } from '@jest/globals';
import { createFindings, excerptOf } from '../dsl/findings.js';
import { compilePolicy } from '../dsl/policy.js';
import { policyShape } from '../dsl/schema.js';
import { parseSourceDocument } from '../dsl/source-document.js';
import type { CanonicalRequest, Json } from '../model/request.js';
import type { RuleIr } from './ir.js';
import { createLinker } from './match.js';
import { buildRuleIndex } from './rule-index.js';

const leaf = (field: string, operator: string, value: Json): Json => ({ field, operator, value });
const group = (operator: string, ...conditions: Json[]): Json => ({ operator, conditions });

function rule(when: Json, effect = 'allow'): RuleIr {
  const document = { name: 'r', when, effect, priority: 1 };
  const parsed = parseSourceDocument('r.json', new TextEncoder().encode(JSON.stringify(document)));
  if (!parsed.ok) throw new Error('not JSON');
  const findings = createFindings();
  const source = { ...excerptOf(parsed.value, ''), document };
  const policy = compilePolicy(source, { set: {}, findings, schema: policyShape() });
  if (policy === undefined) throw new Error(JSON.stringify(findings.sorted()));
  return policy.rule;
}

function candidates(rules: readonly RuleIr[], request: object, maxRowBits?: number): readonly number[] {
  const index = buildRuleIndex(rules, createLinker().readerOf, maxRowBits);
  const bits = new Uint32Array(index.words);
  index.narrow(request as CanonicalRequest, bits);
  return rules.map((_, number) => number).filter((number) => ((bits[number >>> 5] ?? 0) >>> (number & 31)) & 1);
}

const a = leaf('agent.id', 'equals', 'a');
const ab = leaf('agent.id', 'in', ['a', 'b']);
const notA = leaf('agent.id', 'not_equals', 'a');
const open = leaf('tool.arguments.x', 'equals', 'a');
/** The rules of every case below. `agent.id` becomes a dimension; `tool.name`, which one rule constrains, does not. */
const RULES = [
  rule(a),
  rule(ab),
  rule(notA),
  rule(notA, 'deny'),
  rule(group('or', a, leaf('tool.name', 'equals', 't'))),
  rule(group('and', group('and', a), leaf('tool.name', 'equals', 't'))),
  rule(group('not', notA)),
  rule(group('and', a, leaf('agent.id', 'equals', 'b'))),
  rule('always'),
  rule(group('or', a)),
];

describe.each([
  { kind: 'rows', maxRowBits: undefined },
  { kind: 'postings', maxRowBits: 0 },
])('the index, with $kind,', ({ maxRowBits }) => {
  test.each<{ name: string; agent: object; kept: readonly number[] }>([
    { name: 'an accepted text keeps the rules that accept it', agent: { id: 'a' }, kept: [0, 1, 2, 3, 4, 5, 6, 8, 9] },
    { name: 'another text keeps the others', agent: { id: 'b' }, kept: [1, 2, 3, 4, 8] },
    { name: 'an unknown text keeps those without the constraint', agent: { id: 'zzz' }, kept: [2, 3, 4, 8] },
    { name: 'a missing field is false for a positive leaf', agent: {}, kept: [2, 3, 4, 8] },
    {
      name: 'a number keeps every rule: its leaf is an error, not false',
      agent: { id: 5 },
      kept: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    },
    { name: 'null keeps every rule', agent: { id: null }, kept: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
  ])('$name', ({ agent, kept }) => {
    expect(candidates(RULES, { agent }, maxRowBits)).toEqual(kept);
  });

  test('a path through something that is not an object keeps every rule', () => {
    expect(candidates([rule(open), rule(open)], { tool: { arguments: 'x' } }, maxRowBits)).toEqual([0, 1]);
    expect(candidates([rule(open), rule(open)], { tool: { arguments: {} } }, maxRowBits)).toEqual([]);
  });

  test('a number literal constrains nothing', () => {
    const numeric = rule(leaf('tool.arguments.x', 'equals', 5));
    expect(candidates([numeric, numeric], { tool: { arguments: { x: 'a' } } }, maxRowBits)).toEqual([0, 1]);
  });

  test('rules beyond the first word are found', () => {
    const many = Array.from({ length: 100 }, (_, number) => rule(leaf('agent.id', 'equals', `a${number}`)));
    expect(candidates(many, { agent: { id: 'a31' } }, maxRowBits)).toEqual([31]);
    expect(candidates(many, { agent: { id: 'a32' } }, maxRowBits)).toEqual([32]);
    expect(candidates(many, { agent: { id: 'a99' } }, maxRowBits)).toEqual([99]);
  });
});

test('no rules, no words', () => {
  expect(candidates([], {})).toEqual([]);
});
