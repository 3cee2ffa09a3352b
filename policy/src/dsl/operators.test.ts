import { describe, expect, test } from '@jest/globals';
import type { Json } from '../model/request.js';
import { type Field, findField } from './fields.js';
import { type BaseOperator, type Literal, MAX_LIST_LENGTH, MAX_PATTERN_LENGTH, operatorRow } from './operators.js';
import { ERROR, FALSE, TRUE } from './truth.js';

function field(path: string): Field {
  const lookup = findField(path);
  if (!('field' in lookup)) throw new Error(lookup.problem);
  return lookup.field;
}

const OPEN = 'tool.arguments.x';
const T = TRUE;
const F = FALSE;
const E = ERROR;

describe('an operator asked of a value', () => {
  test.each<{ operator: BaseOperator; literal: Literal; value: Json; truth: number }>([
    { operator: 'equals', literal: 'a', value: 'a', truth: T },
    { operator: 'equals', literal: 'a', value: 'A', truth: F },
    { operator: 'equals', literal: 'a', value: '', truth: F },
    { operator: 'equals', literal: 'a', value: 1, truth: E },
    { operator: 'equals', literal: 'a', value: null, truth: E },
    { operator: 'equals', literal: 'a', value: ['a'], truth: E },
    { operator: 'equals', literal: 'a', value: {}, truth: E },
    { operator: 'equals', literal: 1, value: 1, truth: T },
    { operator: 'equals', literal: 1, value: '1', truth: E },
    { operator: 'equals', literal: 0, value: -0, truth: T },
    { operator: 'equals', literal: true, value: false, truth: F },
    { operator: 'equals', literal: true, value: 1, truth: E },
    { operator: 'in', literal: ['a', 'b'], value: 'b', truth: T },
    { operator: 'in', literal: ['a', 'b'], value: 'c', truth: F },
    { operator: 'in', literal: ['a', 'b'], value: 2, truth: E },
    { operator: 'in', literal: ['a', 'b'], value: ['a'], truth: E },
    { operator: 'in', literal: [1, 2], value: 2, truth: T },
    { operator: 'in', literal: [0], value: -0, truth: T },
    { operator: 'contains', literal: 'b', value: 'abc', truth: T },
    { operator: 'contains', literal: 'x', value: 'abc', truth: F },
    { operator: 'contains', literal: 1, value: 'a1', truth: E },
    { operator: 'contains', literal: 'a', value: ['b', 'a'], truth: T },
    { operator: 'contains', literal: 'a', value: ['ab'], truth: F },
    { operator: 'contains', literal: 'a', value: [], truth: F },
    { operator: 'contains', literal: 'a', value: ['b', 1], truth: E },
    { operator: 'contains', literal: 'a', value: [1, 'a'], truth: T },
    { operator: 'contains', literal: 'a', value: [['a']], truth: E },
    { operator: 'contains', literal: 2, value: [1, 2], truth: T },
    { operator: 'contains', literal: 'a', value: { a: 1 }, truth: E },
    { operator: 'contains', literal: 'a', value: null, truth: E },
    { operator: 'greater_than', literal: 1, value: 1, truth: F },
    { operator: 'greater_than', literal: 1, value: 1.5, truth: T },
    { operator: 'greater_than', literal: 1, value: '2', truth: E },
    { operator: 'less_than', literal: 1, value: 0, truth: T },
    { operator: 'less_than', literal: 1, value: 1, truth: F },
    { operator: 'less_than', literal: 1, value: null, truth: E },
    { operator: 'regex_match', literal: 'b', value: 'abc', truth: T },
    { operator: 'regex_match', literal: '^b', value: 'abc', truth: F },
    { operator: 'regex_match', literal: '^b$', value: 'a\nb', truth: F },
    { operator: 'regex_match', literal: 'b$', value: 'b\n', truth: F },
    { operator: 'regex_match', literal: '(?i)^ABC$', value: 'abc', truth: T },
    { operator: 'regex_match', literal: '^\\p{L}+$', value: 'Žluť', truth: T },
    { operator: 'regex_match', literal: '1', value: 1, truth: E },
    { operator: 'regex_match', literal: 'a', value: ['a'], truth: E },
  ])('$operator $literal of $value is $truth', ({ operator, literal, value, truth }) => {
    expect(operatorRow(operator).link(literal)(value)).toBe(truth);
  });
});

describe('an operator refuses a literal', () => {
  test.each<{ operator: BaseOperator; path: string; literal: Json | undefined; says: string; index?: number }>([
    { operator: 'equals', path: OPEN, literal: undefined, says: 'missing' },
    { operator: 'equals', path: OPEN, literal: null, says: 'exists' },
    { operator: 'equals', path: OPEN, literal: ['a'], says: 'expected one' },
    { operator: 'equals', path: OPEN, literal: { a: 1 }, says: 'expected one' },
    { operator: 'equals', path: 'user.team', literal: 5, says: 'is a string' },
    { operator: 'equals', path: 'agent.trust_level', literal: '0.5', says: 'is a number' },
    { operator: 'equals', path: 'request.stream', literal: 'yes', says: 'is a boolean' },
    { operator: 'equals', path: 'context.environment', literal: 'production', says: 'did you mean "prod"?' },
    { operator: 'in', path: 'kind', literal: ['tool_call', 'tool_cal'], says: 'did you mean "tool_call"?', index: 1 },
    { operator: 'in', path: OPEN, literal: 'a', says: 'expected a list' },
    { operator: 'in', path: OPEN, literal: [], says: 'empty list' },
    { operator: 'in', path: OPEN, literal: ['a', 1], says: 'one type', index: 1 },
    { operator: 'in', path: OPEN, literal: [['a']], says: 'expected one', index: 0 },
    { operator: 'in', path: OPEN, literal: new Array<Json>(MAX_LIST_LENGTH + 1).fill('a'), says: 'at most' },
    { operator: 'contains', path: OPEN, literal: '', says: 'every text' },
    { operator: 'contains', path: 'context.labels', literal: 1, says: 'is a string' },
    { operator: 'greater_than', path: OPEN, literal: '1', says: 'number' },
    { operator: 'less_than', path: OPEN, literal: undefined, says: 'number' },
    { operator: 'regex_match', path: OPEN, literal: 5, says: 'regular expression' },
    { operator: 'regex_match', path: OPEN, literal: '', says: 'every text' },
    { operator: 'regex_match', path: OPEN, literal: '(a', says: 'not an RE2 pattern' },
    { operator: 'regex_match', path: OPEN, literal: '(?=a)b', says: 'not an RE2 pattern' },
    { operator: 'regex_match', path: OPEN, literal: '(a)\\1', says: 'not an RE2 pattern' },
    { operator: 'regex_match', path: OPEN, literal: '((a{100}){100}){100}', says: 'not an RE2 pattern' },
    { operator: 'regex_match', path: OPEN, literal: 'a{1000}'.repeat(200), says: '' },
    { operator: 'regex_match', path: OPEN, literal: 'a'.repeat(MAX_PATTERN_LENGTH + 1), says: 'at most' },
    { operator: 'exists', path: OPEN, literal: 'yes', says: 'true or false' },
  ])('$operator on $path: $says', ({ operator, path, literal, says, index }) => {
    const fault = operatorRow(operator).check(literal, field(path));
    expect(fault?.message).toContain(says);
    expect(fault?.index).toBe(index);
  });
});

describe('an operator accepts', () => {
  test.each<{ operator: BaseOperator; path: string; literal: Json | undefined }>([
    { operator: 'equals', path: 'user.team', literal: '' },
    { operator: 'contains', path: 'context.environment', literal: 'ro' },
    { operator: 'regex_match', path: 'kind', literal: '^tool_' },
    { operator: 'exists', path: 'tool', literal: undefined },
    { operator: 'exists', path: 'tool', literal: false },
    { operator: 'greater_than', path: 'intent_risk.risk_dimensions.x', literal: 0.9 },
  ])('$operator on $path with $literal', ({ operator, path, literal }) => {
    expect(operatorRow(operator).check(literal, field(path))).toBeUndefined();
  });
});

test('a pattern that hangs a backtracking engine answers on a long text', () => {
  const matches = operatorRow('regex_match').link('^(a+)+$');
  expect(matches('a'.repeat(50_000))).toBe(T);
  expect(matches(`${'a'.repeat(50_000)}!`)).toBe(F);
});
