import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest } from '../../model/facts.js';
import type { Json, JsonObject } from '../../model/request.js';
import { type Field, findField } from '../fields.js';
import { ERROR, FALSE, TRUE } from '../truth.js';
import { FOLLOWS, type PastSequence } from './follows.js';

function historyField(): Field {
  const lookup = findField('facts.history');
  if (!('field' in lookup)) throw new Error(lookup.problem);
  return lookup.field;
}

const noClock = { zoneClock: () => () => ({ day: 0, weekday: 0, minute: 0 }) };
const past = (tool: string, at = '2026-01-01T00:00:00Z'): JsonObject => ({
  kind: 'tool_call',
  tool,
  effect: 'allow',
  at,
});

function ask(sequence: PastSequence, history: Json, timestamp?: string): number {
  const request = { context: { timestamp } } as unknown as ContextualRequest;
  return FOLLOWS.link(sequence as unknown as JsonObject, historyField(), noClock)(history, request);
}

describe('follows', () => {
  const a = { tool: ['a'] };
  const b = { tool: ['b'] };
  test.each<{ name: string; sequence: PastSequence; history: readonly string[]; truth: number }>([
    { name: 'one step', sequence: { steps: [a] }, history: ['x', 'a'], truth: TRUE },
    { name: 'no step', sequence: { steps: [a] }, history: ['x'], truth: FALSE },
    { name: 'an empty history', sequence: { steps: [a] }, history: [], truth: FALSE },
    { name: 'steps apart', sequence: { steps: [a, b] }, history: ['a', 'x', 'b'], truth: TRUE },
    { name: 'steps the other way', sequence: { steps: [a, b] }, history: ['b', 'x', 'a'], truth: FALSE },
    {
      name: 'the earliest match leaves room',
      sequence: { steps: [a, b, a] },
      history: ['a', 'a', 'b', 'a'],
      truth: TRUE,
    },
    { name: 'repeated', sequence: { steps: [{ ...a, times: 2 }, b] }, history: ['a', 'x', 'a', 'b'], truth: TRUE },
    { name: 'not repeated', sequence: { steps: [{ ...a, times: 2 }, b] }, history: ['a', 'b', 'a'], truth: FALSE },
    { name: 'ended', sequence: { steps: [a], until: b }, history: ['a', 'b'], truth: FALSE },
    { name: 'ended in the middle', sequence: { steps: [a, a], until: b }, history: ['a', 'b', 'a'], truth: FALSE },
    { name: 'begun again by what ends it', sequence: { steps: [a], until: a }, history: ['x', 'a'], truth: TRUE },
    { name: 'within the last calls', sequence: { steps: [a], within_calls: 1 }, history: ['a', 'x'], truth: FALSE },
  ])('$name', ({ sequence, history, truth }) => {
    expect(
      ask(
        sequence,
        history.map((tool) => past(tool)),
      ),
    ).toBe(truth);
  });

  test.each<{ at: string; now: string | undefined; truth: number }>([
    { at: '2026-01-01T00:00:00Z', now: '2026-01-01T00:01:00Z', truth: TRUE },
    { at: '2026-01-01T00:00:00Z', now: '2026-01-01T00:01:00.000000001Z', truth: FALSE },
    { at: '2026-01-01T01:00:00+01:00', now: '2026-01-01T00:00:30Z', truth: TRUE },
    { at: '2026-01-01T00:05:00Z', now: '2026-01-01T00:00:30Z', truth: TRUE },
    { at: '2026-01-01T00:00:00Z', now: undefined, truth: ERROR },
    { at: '2026-01-01T00:00:00Z', now: 'now', truth: ERROR },
    { at: '2026-01-01', now: '2026-01-01T00:01:00Z', truth: ERROR },
  ])('within a minute: $at at $now', ({ at, now, truth }) => {
    expect(ask({ steps: [a], within_seconds: 60 }, [past('a', at)], now)).toBe(truth);
  });

  test.each<{ history: Json }>([
    { history: null },
    { history: {} },
    { history: ['a'] },
    { history: [{ tool: 5 }] },
    { history: [{ labels: 'a' }] },
  ])('cannot be asked of $history', ({ history }) => {
    expect(ask({ steps: [a] }, history)).toBe(ERROR);
  });

  test.each<{ literal: Json; at: readonly (string | number)[] }>([
    { literal: {}, at: ['steps'] },
    { literal: { steps: [] }, at: ['steps'] },
    { literal: { steps: [{ tool: ['a'] }, { tool: ['b', '['] }] }, at: ['steps', 1, 'tool', 1] },
    { literal: { steps: [{ tool: ['a'] }], until: { server: [''] } }, at: ['until', 'server', 0] },
  ])('the literal $literal is refused', ({ literal, at }) => {
    expect(FOLLOWS.check(literal, historyField())?.at).toEqual(at);
  });
});
