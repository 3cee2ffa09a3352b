import { describe, expect, test } from '@jest/globals';
import type { ConditionIr } from '../engine/ir.js';
import type { Json } from '../model/request.js';
import { type ConditionContext, compileCondition, MAX_CONDITION_DEPTH } from './condition.js';
import { createFieldTable } from './fields.js';
import { createFindings, excerptOf } from './findings.js';
import { createPatternBudget } from './pattern-budget.js';
import { parseSourceDocument } from './source-document.js';

function compile(when: Json, blocking = true, more: Partial<ConditionContext> = {}) {
  const parsed = parseSourceDocument('p.json', new TextEncoder().encode(JSON.stringify({ when })));
  if (!parsed.ok) throw new Error('not JSON');
  const findings = createFindings();
  const condition = compileCondition(when, { where: excerptOf(parsed.value, ''), findings, blocking, ...more });
  return { condition, problems: findings.sorted() };
}

const leaf = (operator: string, value: Json = 'a', field = 'user.team'): Json => ({ field, operator, value });
const LIST = 'tool.arguments.to[any]';
const group = (operator: string, ...conditions: Json[]): Json => ({ operator, conditions });

/** `+equals` and `-equals` for leaves, with `?` where a missing field makes the leaf true. */
function sketch(condition: ConditionIr | undefined): string {
  if (condition === undefined) return 'nothing';
  if (condition.node !== 'leaf') return `${condition.node}(${condition.of.map(sketch).join(' ')})`;
  const quantifiers = (condition.quantifiers ?? []).join(',');
  const sign = condition.negated ? '-' : '+';
  return `${quantifiers}${sign}${condition.operator}${condition.whenMissing ? '?' : ''}`;
}

describe('compileCondition pushes negation to the leaves', () => {
  const a = leaf('equals');
  const b = leaf('in', ['a']);
  test.each([
    { name: 'a leaf', when: a, blocking: '+equals', allowing: '+equals' },
    { name: 'not_equals', when: leaf('not_equals'), blocking: '-equals?', allowing: '-equals' },
    { name: 'not_in', when: leaf('not_in', ['a']), blocking: '-in?', allowing: '-in' },
    { name: 'not', when: group('not', a), blocking: '-equals?', allowing: '-equals' },
    { name: 'not not_equals', when: group('not', leaf('not_equals')), blocking: '+equals', allowing: '+equals' },
    { name: 'not not', when: group('not', group('not', a)), blocking: '+equals', allowing: '+equals' },
    {
      name: 'not and',
      when: group('not', group('and', a, b)),
      blocking: 'or(-equals? -in?)',
      allowing: 'or(-equals -in)',
    },
    {
      name: 'not or',
      when: group('not', group('or', a, b)),
      blocking: 'and(-equals? -in?)',
      allowing: 'and(-equals -in)',
    },
    {
      name: 'not and not',
      when: group('not', group('and', a, group('not', b))),
      blocking: 'or(-equals? +in)',
      allowing: 'or(-equals +in)',
    },
    { name: 'exists', when: leaf('exists', true), blocking: '+exists', allowing: '+exists' },
    { name: 'exists false', when: leaf('exists', false), blocking: '-exists?', allowing: '-exists?' },
    { name: 'not exists', when: group('not', leaf('exists', true)), blocking: '-exists?', allowing: '-exists?' },
    { name: 'not exists false', when: group('not', leaf('exists', false)), blocking: '+exists', allowing: '+exists' },
    { name: 'any', when: leaf('equals', 'a', LIST), blocking: 'any+equals', allowing: 'any+equals' },
    { name: 'any not_equals', when: leaf('not_equals', 'a', LIST), blocking: 'any-equals?', allowing: 'any-equals' },
    { name: 'not any', when: group('not', leaf('equals', 'a', LIST)), blocking: 'all-equals?', allowing: 'all-equals' },
    {
      name: 'not any not_equals',
      when: group('not', leaf('not_equals', 'a', LIST)),
      blocking: 'all+equals',
      allowing: 'all+equals',
    },
    { name: 'any exists false', when: leaf('exists', false, LIST), blocking: 'any-exists?', allowing: 'any-exists?' },
    {
      name: 'not any all',
      when: group('not', leaf('in', ['a'], 'tool.arguments.m[any].n[all]')),
      blocking: 'all,any-in?',
      allowing: 'all,any-in',
    },
    { name: 'always', when: 'always', blocking: 'and()', allowing: 'and()' },
  ])('$name', ({ when, blocking, allowing }) => {
    expect(sketch(compile(when, true).condition)).toBe(blocking);
    expect(sketch(compile(when, false).condition)).toBe(allowing);
  });
});

test('a leaf keeps its place in the policy and in the file', () => {
  const { condition } = compile(group('and', leaf('equals'), group('or', leaf('equals', 'b'))));
  const inner = condition?.node === 'and' ? condition.of[1] : undefined;
  expect(inner).toMatchObject({
    node: 'or',
    of: [{ path: 'when.conditions[1].conditions[0]', line: 1, written: 'equals' }],
  });
});

describe('compileCondition refuses', () => {
  let deep: Json = leaf('equals');
  for (let index = 0; index <= MAX_CONDITION_DEPTH; index += 1) deep = group('and', deep);
  test.each<{ name: string; when: Json; path: string; code: string; says?: string }>([
    { name: 'a text', when: 'sometimes', path: 'when', code: 'SHAPE', says: '"always"' },
    { name: 'a list', when: [leaf('equals')], path: 'when', code: 'SHAPE' },
    { name: 'null', when: null, path: 'when', code: 'SHAPE' },
    { name: 'always inside a group', when: group('and', 'always'), path: 'when.conditions[0]', code: 'SHAPE' },
    { name: 'an empty group', when: group('and'), path: 'when.conditions', code: 'SHAPE' },
    { name: 'a group without conditions', when: { operator: 'or' }, path: 'when.conditions', code: 'SHAPE' },
    {
      name: 'conditions that are no list',
      when: { operator: 'or', conditions: {} },
      path: 'when.conditions',
      code: 'SHAPE',
    },
    { name: 'not of two', when: group('not', leaf('equals'), leaf('equals')), path: 'when.conditions', code: 'SHAPE' },
    {
      name: 'an unknown group',
      when: group('nand', leaf('equals')),
      path: 'when.operator',
      code: 'OPERATOR_UNKNOWN',
      says: '"and"',
    },
    {
      name: 'an unknown operator',
      when: leaf('equal'),
      path: 'when.operator',
      code: 'OPERATOR_UNKNOWN',
      says: '"equals"',
    },
    { name: 'an operator of JavaScript', when: leaf('toString'), path: 'when.operator', code: 'OPERATOR_UNKNOWN' },
    { name: 'no operator', when: { field: 'user.team', value: 'a' }, path: 'when.operator', code: 'SHAPE' },
    { name: 'no field', when: { operator: 'equals', value: 'a' }, path: 'when.field', code: 'SHAPE' },
    {
      name: 'an unknown field',
      when: leaf('equals', 'a', 'usr.team'),
      path: 'when.field',
      code: 'FIELD_UNKNOWN',
      says: '"user.team"',
    },
    {
      name: 'a text operator on a number',
      when: leaf('regex_match', 'a', 'agent.trust_level'),
      path: 'when.operator',
      code: 'OPERATOR_MISUSED',
    },
    {
      name: 'a number operator on a text',
      when: leaf('less_than', 1),
      path: 'when.operator',
      code: 'OPERATOR_MISUSED',
    },
    {
      name: 'an operator of the compiler',
      when: leaf('text_matches'),
      path: 'when.operator',
      code: 'OPERATOR_UNKNOWN',
    },
    {
      name: 'a window of a zone that is none',
      when: leaf('in_time_window', { timezone: 'Europe/Berln', days: ['mon'] }, 'context.timestamp'),
      path: 'when.value.timezone',
      code: 'VALUE_INVALID',
      says: '"Europe/Berlin"',
    },
    {
      name: 'a text operator on an address',
      when: leaf('starts_with', '10.', 'context.ip'),
      path: 'when.operator',
      code: 'OPERATOR_MISUSED',
      says: 'cidr_match',
    },
    {
      name: 'elements of what is no list',
      when: leaf('equals', 'a', 'user.team[any]'),
      path: 'when.field',
      code: 'FIELD_UNKNOWN',
      says: 'not a list',
    },
    {
      name: 'equals on a list',
      when: leaf('equals', 'a', 'context.labels'),
      path: 'when.operator',
      code: 'OPERATOR_MISUSED',
      says: 'contains',
    },
    {
      name: 'equals on an object',
      when: leaf('equals', 'a', 'tool.arguments'),
      path: 'when.operator',
      code: 'OPERATOR_MISUSED',
    },
    { name: 'a wrong literal', when: leaf('equals', 5), path: 'when.value', code: 'VALUE_INVALID' },
    { name: 'a wrong member', when: leaf('in', ['a', 5]), path: 'when.value[1]', code: 'VALUE_INVALID' },
    { name: 'an invalid pattern', when: leaf('regex_match', '(a'), path: 'when.value', code: 'REGEX_INVALID' },
    {
      name: 'an unknown key of a leaf',
      when: { ...(leaf('equals') as object), vaule: 'b' },
      path: 'when.vaule',
      code: 'KEY_UNKNOWN',
      says: '"value"',
    },
    {
      name: 'a leaf that is also a group',
      when: { ...(leaf('and') as object), conditions: [leaf('equals')] },
      path: 'when.field',
      code: 'KEY_UNKNOWN',
    },
    {
      name: 'too deep a nesting',
      when: deep,
      path: `when${'.conditions[0]'.repeat(MAX_CONDITION_DEPTH)}`,
      code: 'SHAPE',
    },
  ])('$name', ({ when, path, code, says }) => {
    const { condition, problems } = compile(when);
    expect(condition).toBeUndefined();
    const problem = problems.find((candidate) => candidate.path === path);
    expect(problem).toMatchObject({ code: `ERR_POLICY_${code}`, file: 'p.json', line: 1 });
    if (says !== undefined) expect(problem?.message).toContain(says);
  });

  test('all that is wrong at once', () => {
    const { problems } = compile(group('and', leaf('equal'), leaf('equals', 5), leaf('equals', 'a', 'x.y')));
    expect(problems.map((problem) => problem.path)).toEqual([
      'when.conditions[0].operator',
      'when.conditions[1].value',
      'when.conditions[2].field',
    ]);
  });
});

describe('a condition that was made of a config', () => {
  test('may use the operators of the compiler, and is blamed on the config', () => {
    const when = group('not', leaf('text_matches', { patterns: ['a'] }, 'tool.arguments'));
    const { condition } = compile(when, true, { base: 'config', internal: true });
    expect(sketch(condition)).toBe('-text_matches?');
    expect(condition).toMatchObject({ path: 'config' });
  });

  test('reports a fault at the config', () => {
    const when = group('and', leaf('text_matches', { patterns: ['('] }, 'tool.arguments'));
    const { problems } = compile(when, true, { base: 'config', internal: true });
    expect(problems).toMatchObject([{ path: 'config', code: 'ERR_POLICY_REGEX_INVALID' }]);
  });
});

test('a field that the bundle declares has its type', () => {
  const fields = createFieldTable({ 'tool.attributes.cost': { type: 'number' } });
  const bundle = { fields, patterns: createPatternBudget() };
  const wrong = compile(leaf('equals', 'high', 'tool.attributes.cost'), true, { bundle });
  expect(wrong.problems).toMatchObject([{ path: 'when.value', code: 'ERR_POLICY_VALUE_INVALID' }]);
  expect(sketch(compile(leaf('less_than', 5, 'tool.attributes.cost'), true, { bundle }).condition)).toBe('+less_than');
});

test('the patterns of a bundle are bounded together, and each counts once', () => {
  const bundle = { fields: createFieldTable({}), patterns: createPatternBudget(20) };
  const ask = (pattern: string) => compile(leaf('regex_match', pattern), true, { bundle }).problems;
  expect(ask('abc')).toEqual([]);
  expect(ask('abc')).toEqual([]);
  expect(ask('abcdefghij'.repeat(3))).toMatchObject([{ path: 'when.value', code: 'ERR_POLICY_REGEX_INVALID' }]);
  expect(ask('abd')).toEqual([]);
});
