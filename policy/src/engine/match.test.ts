import { describe, expect, test } from '@jest/globals';
import { compileCondition } from '../dsl/condition.js';
import { createFieldTable } from '../dsl/fields.js';
import { createFindings, excerptOf } from '../dsl/findings.js';
import { createPatternBudget } from '../dsl/pattern-budget.js';
import { ERROR, FALSE, TRUE, type Truth } from '../dsl/truth.js';
import type { ContextualRequest } from '../model/facts.js';
import type { Json, JsonObject } from '../model/request.js';
import type { ConditionIr } from './ir.js';
import { createLinker } from './match.js';

const CUSTOM = { 'tool.attributes.tags': { type: 'string_list', members: ['a', 'b'] } } as const;

function condition(when: Json, blocking: boolean): ConditionIr {
  const findings = createFindings();
  const document = { file: 'p.json', value: when, positions: new Map(), keys: new Map() };
  const bundle = { fields: createFieldTable(CUSTOM), patterns: createPatternBudget() };
  const compiled = compileCondition(when, { where: excerptOf(document, ''), findings, blocking, bundle });
  if (compiled === undefined) throw new Error(JSON.stringify(findings.sorted()));
  return compiled;
}

function request(args: Json, more: JsonObject = {}): ContextualRequest {
  const tool = { arguments: args, ...more };
  return { version: '1.0', tenant_id: 't', agent: { id: 'a' }, tool } as unknown as ContextualRequest;
}

const leaf = (field: string, operator: string, value: Json): Json => ({ field, operator, value });
const not = (inner: Json): Json => ({ operator: 'not', conditions: [inner] });
const ANY = 'tool.arguments.to[any].domain';
const ALL = 'tool.arguments.to[all].domain';
const to = (...domains: Json[]): Json => ({ to: domains.map((domain) => (domain === '-' ? {} : { domain })) });

describe('a leaf on the elements of a list', () => {
  test.each<{ name: string; when: Json; args: Json; allows: Truth; blocks?: Truth }>([
    { name: 'any of two', when: leaf(ANY, 'equals', 'x'), args: to('y', 'x'), allows: TRUE },
    { name: 'any of none', when: leaf(ANY, 'equals', 'x'), args: to('y', 'z'), allows: FALSE },
    { name: 'all of two', when: leaf(ALL, 'equals', 'x'), args: to('x', 'x'), allows: TRUE },
    { name: 'all but one', when: leaf(ALL, 'equals', 'x'), args: to('x', 'y'), allows: FALSE },
    { name: 'any of an empty list', when: leaf(ANY, 'equals', 'x'), args: to(), allows: FALSE },
    { name: 'all of an empty list', when: leaf(ALL, 'equals', 'x'), args: to(), allows: FALSE },
    { name: 'all of an absent list', when: leaf(ALL, 'equals', 'x'), args: {}, allows: FALSE },
    { name: 'any differs', when: leaf(ANY, 'not_equals', 'x'), args: to('x', 'y'), allows: TRUE },
    { name: 'all differ', when: leaf(ALL, 'not_equals', 'x'), args: to('x', 'y'), allows: FALSE },
    { name: 'none is', when: not(leaf(ANY, 'equals', 'x')), args: to('y', 'z'), allows: TRUE },
    { name: 'none is, but one', when: not(leaf(ANY, 'equals', 'x')), args: to('y', 'x'), allows: FALSE },
    { name: 'not all are', when: not(leaf(ALL, 'equals', 'x')), args: to('x', 'y'), allows: TRUE },
    { name: 'not all are, but they are', when: not(leaf(ALL, 'equals', 'x')), args: to('x', 'x'), allows: FALSE },
    { name: 'none is, in an empty list', when: not(leaf(ANY, 'equals', 'x')), args: to(), allows: FALSE, blocks: TRUE },
    { name: 'differs, in an absent list', when: leaf(ANY, 'not_in', ['x']), args: {}, allows: FALSE, blocks: TRUE },
    {
      name: 'all differ, one lacks it',
      when: leaf(ALL, 'not_equals', 'x'),
      args: to('y', '-'),
      allows: FALSE,
      blocks: TRUE,
    },
    { name: 'all are, one lacks it', when: leaf(ALL, 'equals', 'x'), args: to('x', '-'), allows: FALSE },
    { name: 'any is, one lacks it', when: leaf(ANY, 'equals', 'x'), args: to('-', 'x'), allows: TRUE },
    { name: 'any has it', when: leaf(ANY, 'exists', true), args: to('-', 'x'), allows: TRUE },
    { name: 'all have it', when: leaf(ALL, 'exists', true), args: to('-', 'x'), allows: FALSE },
    { name: 'any lacks it', when: leaf(ANY, 'exists', false), args: to('-', 'x'), allows: TRUE },
    { name: 'all lack it', when: leaf(ALL, 'exists', false), args: to('-', 'x'), allows: FALSE },
    { name: 'any lacks it, in an empty list', when: leaf(ANY, 'exists', false), args: to(), allows: TRUE },
    { name: 'any is, beside a wrong type', when: leaf(ANY, 'equals', 'x'), args: to(1, 'x'), allows: TRUE },
    { name: 'any is not, beside a wrong type', when: leaf(ANY, 'equals', 'x'), args: to(1, 'y'), allows: ERROR },
    { name: 'all are not, beside a wrong type', when: leaf(ALL, 'equals', 'x'), args: to(1, 'y'), allows: FALSE },
    { name: 'all are, beside a wrong type', when: leaf(ALL, 'equals', 'x'), args: to(1, 'x'), allows: ERROR },
    { name: 'a text in place of the list', when: leaf(ANY, 'equals', 'x'), args: { to: 'x' }, allows: ERROR },
    { name: 'null in place of the list', when: leaf(ANY, 'exists', true), args: { to: null }, allows: ERROR },
    { name: 'texts in place of objects', when: leaf(ANY, 'equals', 'x'), args: { to: ['x'] }, allows: ERROR },
    {
      name: 'elements themselves',
      when: leaf('tool.arguments.to[any]', 'ends_with', '@x'),
      args: { to: ['a@x'] },
      allows: TRUE,
    },
    {
      name: 'all of lists of lists',
      when: leaf('tool.arguments.m[all][any]', 'equals', 1),
      args: { m: [[1, 2], [1]] },
      allows: TRUE,
    },
    {
      name: 'not all of lists of lists',
      when: leaf('tool.arguments.m[all][any]', 'equals', 1),
      args: { m: [[1, 2], [2]] },
      allows: FALSE,
    },
    {
      name: 'an empty list among lists',
      when: leaf('tool.arguments.m[all][any]', 'equals', 1),
      args: { m: [[1], []] },
      allows: FALSE,
    },
    {
      name: 'none of lists of lists',
      when: not(leaf('tool.arguments.m[any][any]', 'equals', 1)),
      args: { m: [[2], []] },
      allows: FALSE,
      blocks: TRUE,
    },
  ])('$name', ({ when, args, allows, blocks }) => {
    const attempt = request(args);
    expect(createLinker(CUSTOM).link(condition(when, false)).test(attempt)).toBe(allows);
    expect(createLinker(CUSTOM).link(condition(when, true)).test(attempt)).toBe(blocks ?? allows);
  });

  test('shows what the elements hold, and blames the leaf', () => {
    const linked = createLinker().link(condition(leaf(ANY, 'equals', 'x'), true));
    expect(linked.leaves[0]?.read(request(to('y', '-', 'z')))).toEqual(['y', 'z']);
    expect(linked.blame(request(to(1)))?.leaf.field).toBe(ANY);
  });
});

test('a declared field is linked with its type', () => {
  const linked = createLinker(CUSTOM).link(condition(leaf('tool.attributes.tags[any]', 'equals', 'a'), true));
  expect(linked.test(request({}, { attributes: { tags: ['b', 'a'] } }))).toBe(TRUE);
});

test('one comparison per field type: a time and a text of the same spelling are not confused', () => {
  const linker = createLinker();
  const when = (field: string): ConditionIr => condition(leaf(field, 'equals', '2026-01-01T00:00:00Z'), true);
  const time = linker.link(when('context.timestamp'));
  const text = linker.link(when('tool.arguments.at'));
  const attempt = {
    ...request({ at: '2026-01-01T01:00:00+01:00' }),
    context: { timestamp: '2026-01-01T01:00:00+01:00' },
  } as unknown as ContextualRequest;
  expect([time.test(attempt), text.test(attempt)]).toEqual([TRUE, FALSE]);
});
