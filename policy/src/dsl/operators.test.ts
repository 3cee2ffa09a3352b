import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest } from '../model/facts.js';
import type { Json } from '../model/request.js';
import { type Field, findField } from './fields.js';
import { MAX_LIST_LENGTH } from './operators/literal.js';
import { MAX_PATTERN_LENGTH } from './operators/pattern.js';
import { createZoneClocks } from './operators/zone-clock.js';
import {
  type BaseOperator,
  isInternal,
  isOperator,
  type Literal,
  OPERATOR_NAMES,
  OPERATOR_TABLE,
  operatorRow,
  spellingOf,
} from './operators.js';
import { ERROR, FALSE, TRUE, type Truth } from './truth.js';

function field(path: string): Field {
  const lookup = findField(path);
  if (!('field' in lookup)) throw new Error(lookup.problem);
  return lookup.field;
}

const OPEN = 'tool.arguments.x';
const T = TRUE;
const F = FALSE;
const E = ERROR;

/** An operator with its literal, bound to a field of any type unless another is given. */
function ask(operator: BaseOperator, literal: Literal, path = OPEN): (value: Json) => Truth {
  const compare = operatorRow(operator).link(literal, field(path), { zoneClock: createZoneClocks() });
  return (value) => compare(value, {} as ContextualRequest);
}

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
    { operator: 'contains_any', literal: ['b', 'x'], value: 'abc', truth: T },
    { operator: 'contains_any', literal: ['x', 'y'], value: 'abc', truth: F },
    { operator: 'contains_any', literal: ['b', 'x'], value: ['a', 'b'], truth: T },
    { operator: 'contains_any', literal: ['b', 'x'], value: ['ab'], truth: F },
    { operator: 'contains_any', literal: ['b', 'x'], value: [], truth: F },
    { operator: 'contains_any', literal: ['b', 'x'], value: ['a', 1], truth: E },
    { operator: 'contains_any', literal: ['b', 'x'], value: [1, 'b'], truth: T },
    { operator: 'contains_any', literal: [1], value: 'a1', truth: E },
    { operator: 'contains_any', literal: ['a'], value: { a: 1 }, truth: E },
    { operator: 'contains_all', literal: ['b', 'c'], value: 'abc', truth: T },
    { operator: 'contains_all', literal: ['b', 'x'], value: 'abc', truth: F },
    { operator: 'contains_all', literal: ['b', 'a'], value: ['a', 'b', 'c'], truth: T },
    { operator: 'contains_all', literal: ['b', 'a'], value: ['a', 'c'], truth: F },
    { operator: 'contains_all', literal: ['b', 'a'], value: ['a', 'b', 7], truth: T },
    { operator: 'contains_all', literal: ['b', 'a'], value: ['a', 7], truth: E },
    { operator: 'contains_all', literal: [2, 1], value: [1, 2], truth: T },
    { operator: 'contains_all', literal: ['a'], value: null, truth: E },
    { operator: 'subset_of', literal: ['a', 'b'], value: ['a', 'a'], truth: T },
    { operator: 'subset_of', literal: ['a', 'b'], value: [], truth: T },
    { operator: 'subset_of', literal: ['a', 'b'], value: ['a', 'c'], truth: F },
    { operator: 'subset_of', literal: ['a', 'b'], value: ['a', 1], truth: E },
    { operator: 'subset_of', literal: ['a', 'b'], value: ['c', 1], truth: F },
    { operator: 'subset_of', literal: ['a', 'b'], value: [1, 'c'], truth: F },
    { operator: 'subset_of', literal: ['a', 'b'], value: 'a', truth: E },
    { operator: 'greater_or_equal', literal: 1, value: 1, truth: T },
    { operator: 'greater_or_equal', literal: 1, value: 0.9, truth: F },
    { operator: 'greater_or_equal', literal: 1, value: '1', truth: E },
    { operator: 'less_or_equal', literal: 1, value: 1, truth: T },
    { operator: 'less_or_equal', literal: 1, value: 1.1, truth: F },
    { operator: 'less_or_equal', literal: 1, value: true, truth: E },
    { operator: 'between', literal: [1, 3], value: 1, truth: T },
    { operator: 'between', literal: [1, 3], value: 3, truth: T },
    { operator: 'between', literal: [1, 3], value: 3.01, truth: F },
    { operator: 'between', literal: [1, 3], value: 0.99, truth: F },
    { operator: 'between', literal: [1, 3], value: '2', truth: E },
    { operator: 'starts_with', literal: 'ab', value: 'abc', truth: T },
    { operator: 'starts_with', literal: 'ab', value: 'cab', truth: F },
    { operator: 'starts_with', literal: ['x', 'ab'], value: 'abc', truth: T },
    { operator: 'starts_with', literal: 'ab', value: ['abc'], truth: E },
    { operator: 'ends_with', literal: 'bc', value: 'abc', truth: T },
    { operator: 'ends_with', literal: 'ab', value: 'abc', truth: F },
    { operator: 'ends_with', literal: ['x', 'bc'], value: 'abc', truth: T },
    { operator: 'ends_with', literal: 'ab', value: 1, truth: E },
    { operator: 'glob_match', literal: 'a/*', value: 'a/b', truth: T },
    { operator: 'glob_match', literal: 'a/*', value: 'a/b/c', truth: F },
    { operator: 'glob_match', literal: ['x', 'a/**'], value: 'a/b/c', truth: T },
    { operator: 'glob_match', literal: 'a/*', value: ['a/b'], truth: E },
    { operator: 'cidr_match', literal: '10.0.0.0/8', value: '10.1.2.3', truth: T },
    { operator: 'cidr_match', literal: ['192.0.2.0/24', 'fd00::/8'], value: 'fd12::1', truth: T },
    { operator: 'cidr_match', literal: '10.0.0.0/8', value: '11.0.0.0', truth: F },
    { operator: 'cidr_match', literal: '10.0.0.0/8', value: '::ffff:10.0.0.1', truth: T },
    { operator: 'cidr_match', literal: '10.0.0.0/8', value: 'example.com', truth: E },
    { operator: 'cidr_match', literal: '10.0.0.0/8', value: '012.0.0.1', truth: E },
    { operator: 'cidr_match', literal: '10.0.0.0/8', value: 10, truth: E },
    { operator: 'domain_match', literal: 'example.com', value: 'EXAMPLE.com.', truth: T },
    { operator: 'domain_match', literal: 'example.com', value: 'a.example.com', truth: F },
    { operator: 'domain_match', literal: '*.example.com', value: 'a.b.example.com', truth: T },
    { operator: 'domain_match', literal: '*.example.com', value: 'example.com', truth: F },
    { operator: 'domain_match', literal: '*.example.com', value: 'badexample.com', truth: F },
    { operator: 'domain_match', literal: ['x.org', '*.example.com'], value: 'x.org', truth: T },
    { operator: 'domain_match', literal: 'example.com', value: '10.0.0.1', truth: F },
    { operator: 'domain_match', literal: 'example.com', value: 'example.com:443', truth: E },
    { operator: 'domain_match', literal: 'example.com', value: 'https://example.com/', truth: E },
    { operator: 'domain_match', literal: 'example.com', value: ['example.com'], truth: E },
    { operator: 'greater_than', literal: '2026-01-31T09:00:00Z', value: '2026-01-31T10:30:00+01:00', truth: T },
    { operator: 'greater_than', literal: '2026-01-31T09:00:00Z', value: '2026-01-31T10:00:00+01:00', truth: F },
    { operator: 'less_than', literal: '2026-01-31T09:00:00Z', value: 'tomorrow', truth: E },
    { operator: 'less_than', literal: '2026-01-31T09:00:00Z', value: 5, truth: E },
    { operator: 'text_matches', literal: { patterns: ['a.c'] }, value: 'xabcx', truth: T },
    { operator: 'text_matches', literal: { patterns: ['a.c'] }, value: { n: [1, { m: 'abc' }] }, truth: T },
    { operator: 'text_matches', literal: { patterns: ['a.c', '^z'] }, value: ['b', 'zed'], truth: T },
    { operator: 'text_matches', literal: { patterns: ['a.c'] }, value: { abc: 'x' }, truth: F },
    { operator: 'text_matches', literal: { patterns: ['a.c'] }, value: 'ABC', truth: F },
    { operator: 'text_matches', literal: { patterns: ['a.c'], case_insensitive: true }, value: 'ABC', truth: T },
    { operator: 'text_matches', literal: { patterns: ['1'] }, value: [1, true, null], truth: F },
    { operator: 'exists', literal: true, value: null, truth: T },
  ])('$operator $literal of $value is $truth', ({ operator, literal, value, truth }) => {
    expect(ask(operator, literal)(value)).toBe(truth);
  });
});

describe('an operator refuses a literal', () => {
  test.each<{
    operator: BaseOperator;
    path: string;
    literal: Json | undefined;
    says: string;
    at?: readonly (string | number)[];
  }>([
    { operator: 'equals', path: OPEN, literal: undefined, says: 'missing' },
    { operator: 'equals', path: OPEN, literal: null, says: 'exists' },
    { operator: 'equals', path: OPEN, literal: ['a'], says: 'expected one' },
    { operator: 'equals', path: OPEN, literal: { a: 1 }, says: 'expected one' },
    { operator: 'equals', path: 'user.team', literal: 5, says: 'is a string' },
    { operator: 'equals', path: 'agent.trust_level', literal: '0.5', says: 'is a number' },
    { operator: 'equals', path: 'request.stream', literal: 'yes', says: 'is a boolean' },
    { operator: 'equals', path: 'context.environment', literal: 'production', says: 'did you mean "prod"?' },
    { operator: 'in', path: 'kind', literal: ['tool_call', 'tool_cal'], says: 'did you mean "tool_call"?', at: [1] },
    { operator: 'in', path: OPEN, literal: 'a', says: 'expected a list' },
    { operator: 'in', path: OPEN, literal: [], says: 'empty list' },
    { operator: 'in', path: OPEN, literal: ['a', 1], says: 'one type', at: [1] },
    { operator: 'in', path: OPEN, literal: [['a']], says: 'expected one', at: [0] },
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
    { operator: 'equals', path: 'context.timestamp', literal: 'noon', says: 'RFC 3339' },
    { operator: 'equals', path: 'context.timestamp', literal: '2026-02-30', says: 'RFC 3339' },
    { operator: 'equals', path: 'context.ip', literal: '10.0.0.0/8', says: 'cidr_match' },
    { operator: 'in', path: 'context.ip', literal: ['10.0.0.1', '10.1'], says: 'not an IP', at: [1] },
    { operator: 'greater_or_equal', path: OPEN, literal: 'tomorrow', says: 'a number, or an RFC 3339' },
    { operator: 'less_or_equal', path: 'context.timestamp', literal: 5, says: 'RFC 3339' },
    { operator: 'less_or_equal', path: 'agent.trust_level', literal: '2026-01-31', says: 'number' },
    { operator: 'between', path: OPEN, literal: 5, says: '[lowest, highest]' },
    { operator: 'between', path: OPEN, literal: [1, 2, 3], says: '[lowest, highest]' },
    { operator: 'between', path: OPEN, literal: [2, 1], says: 'below the lowest', at: [1] },
    { operator: 'between', path: OPEN, literal: [1, '2026-01-31'], says: 'one type', at: [1] },
    { operator: 'between', path: OPEN, literal: ['2026-01-31', 'later'], says: 'RFC 3339', at: [1] },
    { operator: 'between', path: 'context.timestamp', literal: ['2026-02-01', '2026-01-31'], says: 'below', at: [1] },
    { operator: 'contains_any', path: OPEN, literal: 'a', says: 'expected a list' },
    { operator: 'contains_any', path: OPEN, literal: ['a', ''], says: 'every text', at: [1] },
    { operator: 'contains_all', path: 'context.labels', literal: ['a', 1], says: 'is a string', at: [1] },
    { operator: 'subset_of', path: OPEN, literal: [], says: 'empty list' },
    { operator: 'subset_of', path: OPEN, literal: ['a', 1], says: 'one type', at: [1] },
    { operator: 'starts_with', path: OPEN, literal: '', says: 'every text' },
    { operator: 'starts_with', path: OPEN, literal: 5, says: 'a text' },
    { operator: 'ends_with', path: OPEN, literal: ['a', ''], says: 'every text', at: [1] },
    { operator: 'glob_match', path: OPEN, literal: 'a[', says: 'nothing closes' },
    { operator: 'glob_match', path: OPEN, literal: ['a', 'b{'], says: 'nothing closes', at: [1] },
    { operator: 'cidr_match', path: OPEN, literal: '10.0.0.0/33', says: 'range of addresses' },
    { operator: 'cidr_match', path: OPEN, literal: '10.1.2.3/8', says: 'did you mean "10.0.0.0/8"?' },
    { operator: 'cidr_match', path: OPEN, literal: ['10.0.0.0/8', 'example.com'], says: 'range', at: [1] },
    { operator: 'domain_match', path: OPEN, literal: 'https://example.com', says: 'not a domain' },
    { operator: 'domain_match', path: OPEN, literal: 'a.*.com', says: 'only as the first label' },
    { operator: 'domain_match', path: OPEN, literal: '*', says: 'not a domain' },
    { operator: 'domain_match', path: OPEN, literal: '10.0.0.1', says: 'cidr_match' },
    { operator: 'text_matches', path: OPEN, literal: 'a', says: 'list of patterns', at: ['patterns'] },
    { operator: 'text_matches', path: OPEN, literal: { patterns: ['a', '('] }, says: 'RE2', at: ['patterns', 1] },
    {
      operator: 'text_matches',
      path: OPEN,
      literal: { patterns: ['a'], case_insensitive: 'yes' },
      says: 'true or false',
      at: ['case_insensitive'],
    },
    {
      operator: 'text_matches',
      path: OPEN,
      literal: { patterns: Array.from({ length: 40 }, (_, n) => `a{900}b{900}${n}`) },
      says: 'together',
      at: ['patterns'],
    },
  ])('$operator on $path: $says', ({ operator, path, literal, says, at }) => {
    const fault = operatorRow(operator).check(literal, field(path));
    expect(fault?.message).toContain(says);
    expect(fault?.at).toEqual(at ?? []);
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

const DAY = '2026-01-31';

describe('a field with a type of its own', () => {
  test.each<{ operator: BaseOperator; path: string; literal: Literal; value: Json; truth: number }>([
    {
      operator: 'equals',
      path: 'context.timestamp',
      literal: '2026-01-31T09:00:00Z',
      value: '2026-01-31T10:00:00+01:00',
      truth: T,
    },
    {
      operator: 'equals',
      path: 'context.timestamp',
      literal: '2026-01-31T09:00:00Z',
      value: '2026-01-31T09:00:00.000000001Z',
      truth: F,
    },
    { operator: 'equals', path: 'context.timestamp', literal: DAY, value: '2026-01-31T23:59:59.999999999Z', truth: T },
    { operator: 'equals', path: 'context.timestamp', literal: DAY, value: '2026-02-01T00:00:00Z', truth: F },
    { operator: 'equals', path: 'context.timestamp', literal: DAY, value: DAY, truth: E },
    {
      operator: 'in',
      path: 'context.timestamp',
      literal: [DAY, '2026-03-01'],
      value: '2026-03-01T12:00:00Z',
      truth: T,
    },
    { operator: 'greater_than', path: 'context.timestamp', literal: DAY, value: '2026-01-31T12:00:00Z', truth: F },
    { operator: 'greater_than', path: 'context.timestamp', literal: DAY, value: '2026-02-01T00:00:00Z', truth: T },
    { operator: 'greater_or_equal', path: 'context.timestamp', literal: DAY, value: '2026-01-31T00:00:00Z', truth: T },
    {
      operator: 'greater_or_equal',
      path: 'context.timestamp',
      literal: DAY,
      value: '2026-01-30T23:59:59.999Z',
      truth: F,
    },
    { operator: 'less_than', path: 'context.timestamp', literal: DAY, value: '2026-01-31T00:00:00Z', truth: F },
    { operator: 'less_or_equal', path: 'context.timestamp', literal: DAY, value: '2026-01-31T23:59:59Z', truth: T },
    { operator: 'between', path: 'context.timestamp', literal: [DAY, DAY], value: '2026-01-31T18:00:00Z', truth: T },
    {
      operator: 'between',
      path: 'context.timestamp',
      literal: [DAY, '2026-02-01'],
      value: '2026-02-02T00:00:00Z',
      truth: F,
    },
    { operator: 'between', path: 'context.timestamp', literal: [DAY, DAY], value: 7, truth: E },
    { operator: 'contains', path: 'context.labels', literal: 'a', value: 'abc', truth: E },
    { operator: 'contains_any', path: 'context.labels', literal: ['a'], value: 'abc', truth: E },
    { operator: 'contains_all', path: 'user.team', literal: ['a'], value: ['a'], truth: E },
    { operator: 'contains', path: 'user.team', literal: 'a', value: ['a'], truth: E },
    { operator: 'contains', path: 'user.team', literal: 'b', value: 'abc', truth: T },
    { operator: 'equals', path: 'context.ip', literal: '10.0.0.1', value: '::ffff:a00:1', truth: T },
    { operator: 'equals', path: 'context.ip', literal: 'fd00::1', value: 'FD00:0:0::0001', truth: T },
    { operator: 'equals', path: 'context.ip', literal: '10.0.0.1', value: '10.0.0.2', truth: F },
    { operator: 'in', path: 'context.ip', literal: ['10.0.0.1', 'fd00::1'], value: 'fd00::1', truth: T },
    { operator: 'in', path: 'context.ip', literal: ['10.0.0.1'], value: 'localhost', truth: E },
    { operator: 'cidr_match', path: 'context.ip', literal: '10.0.0.0/8', value: '10.255.255.255', truth: T },
  ])('$operator on $path: $literal of $value is $truth', ({ operator, path, literal, value, truth }) => {
    expect(ask(operator, literal, path)(value)).toBe(truth);
  });
});

test('a pattern that hangs a backtracking engine answers on a long text', () => {
  const matches = ask('regex_match', '^(a+)+$');
  expect(matches('a'.repeat(50_000))).toBe(T);
  expect(matches(`${'a'.repeat(50_000)}!`)).toBe(F);
});

describe('the table', () => {
  test('authors may write every operator but the internal ones', () => {
    expect([...OPERATOR_NAMES].sort()).toEqual([
      'between',
      'cidr_match',
      'contains',
      'contains_all',
      'contains_any',
      'domain_match',
      'ends_with',
      'equals',
      'exists',
      'glob_match',
      'greater_or_equal',
      'greater_than',
      'in',
      'in_time_window',
      'less_or_equal',
      'less_than',
      'not_equals',
      'not_in',
      'regex_match',
      'starts_with',
      'subset_of',
    ]);
    const internal = Object.keys(OPERATOR_TABLE).filter((name) => isOperator(name) && isInternal(name));
    expect(internal).toContain('text_matches');
    expect(internal.filter((name) => (OPERATOR_NAMES as readonly string[]).includes(name))).toEqual([]);
  });

  test('names of JavaScript are no operators', () => {
    expect(['toString', '__proto__', 'constructor', ''].some(isOperator)).toBe(false);
  });

  test('a negated spelling is a row and a sign', () => {
    expect(spellingOf('not_in')).toEqual({ base: 'in', negated: true });
    expect(spellingOf('in')).toEqual({ base: 'in', negated: false });
  });
});
