import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest } from '../../model/facts.js';
import type { Json, JsonObject } from '../../model/request.js';
import { type Field, findField } from '../fields.js';
import { ERROR, FALSE, TRUE } from '../truth.js';
import { CARRIES } from './carries.js';
import { FLOWS, type FlowQuestion } from './flows.js';

function field(path: string): Field {
  const lookup = findField(path);
  if (!('field' in lookup)) throw new Error(lookup.problem);
  return lookup.field;
}

const noClock = { zoneClock: () => () => ({ day: 0, weekday: 0, minute: 0 }) };

function ask(question: Partial<FlowQuestion>, args: Json, provenance: Json): number {
  const literal: FlowQuestion = {
    constraints: [{ paths: ['tool.arguments'], allowed_origins: ['user'] }],
    endorsed: [],
    unknown: 'block',
    ...question,
  };
  const request = { tool: { arguments: args } } as unknown as ContextualRequest;
  return FLOWS.link(literal as unknown as JsonObject, field('facts.provenance'), noClock)(provenance, request);
}

const entry = (path: string, origin = 'user', ...labels: readonly string[]): JsonObject => ({ path, origin, labels });

describe('flows', () => {
  test.each<{ name: string; question?: Partial<FlowQuestion>; args: Json; provenance: Json; truth: number }>([
    { name: 'in order', args: { a: 'x' }, provenance: [entry('tool.arguments')], truth: FALSE },
    { name: 'not covered', args: { a: 'x' }, provenance: [entry('tool.arguments.b')], truth: TRUE },
    { name: 'nothing to cover', args: {}, provenance: [], truth: FALSE },
    { name: 'a null is nothing', args: { a: null }, provenance: [], truth: FALSE },
    { name: 'a name that is a number', args: { 0: 'x' }, provenance: [entry('tool.arguments[0]')], truth: TRUE },
    { name: 'an element', args: [['x']], provenance: [entry('tool.arguments[0][0]')], truth: FALSE },
    { name: 'a name with a dot', args: { 'a.b': 'x' }, provenance: [entry('tool.arguments.a\\.b')], truth: FALSE },
    { name: 'not the two names', args: { 'a.b': 'x' }, provenance: [entry('tool.arguments.a.b')], truth: TRUE },
    {
      name: 'a second origin',
      args: { a: 'x' },
      provenance: [entry('tool.arguments.a'), entry('tool.arguments.a', 'web')],
      truth: TRUE,
    },
    {
      name: 'endorsed',
      question: { endorsed: ['ok*'] },
      args: { a: 'x' },
      provenance: [entry('tool.arguments.a', 'web', 'okay')],
      truth: FALSE,
    },
    { name: 'unknown is in order', question: { unknown: 'ignore' }, args: { a: 'x' }, provenance: [], truth: FALSE },
    { name: 'no list', args: { a: 'x' }, provenance: 'user', truth: ERROR },
    { name: 'no entry', args: { a: 'x' }, provenance: [null], truth: ERROR },
    { name: 'labels that are none', args: {}, provenance: [{ path: 'a', origin: 'user', labels: [5] }], truth: ERROR },
  ])('$name', ({ question = {}, args, provenance, truth }) => {
    expect(ask(question, args, provenance)).toBe(truth);
  });

  test.each<{ constraints: Json; at: readonly (string | number)[] }>([
    { constraints: [], at: [] },
    { constraints: [{ paths: [] }], at: [0, 'paths'] },
    { constraints: [{ paths: ['a', 'b.'] }], at: [0, 'paths', 1] },
    { constraints: [{ paths: ['a'], denied_origins: ['['] }], at: [0, 'denied_origins', 0] },
  ])('the constraints $constraints are refused', ({ constraints, at }) => {
    expect(FLOWS.check({ constraints, endorsed: [], unknown: 'block' }, field('facts.provenance'))?.at).toEqual(at);
  });
});

describe('carries', () => {
  test.each<{ need: string; value: Json; truth: number }>([
    { need: 'any', value: ['x', 'a1'], truth: TRUE },
    { need: 'any', value: ['x'], truth: FALSE },
    { need: 'any', value: [], truth: FALSE },
    { need: 'every', value: ['b', 'a1'], truth: TRUE },
    { need: 'every', value: ['a1', 'a2'], truth: FALSE },
    { need: 'any', value: 'a1', truth: ERROR },
    { need: 'any', value: ['a1', 5], truth: ERROR },
  ])('$need of a*, b in $value', ({ need, value, truth }) => {
    const literal = { need, labels: ['a*', 'b'] };
    const asked = CARRIES.link(literal, field('context.labels'), noClock);
    expect(asked(value, {} as unknown as ContextualRequest)).toBe(truth);
  });

  test.each<{ literal: Json; at: readonly (string | number)[] }>([
    { literal: { need: 'all', labels: ['a'] }, at: ['need'] },
    { literal: { need: 'any', labels: [] }, at: ['labels'] },
    { literal: { need: 'any', labels: ['a', '['] }, at: ['labels', 1] },
  ])('the literal $literal is refused', ({ literal, at }) => {
    expect(CARRIES.check(literal, field('context.labels'))?.at).toEqual(at);
  });
});
