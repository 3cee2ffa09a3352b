import { describe, expect, test } from '@jest/globals';
import type { Engine } from '@portcullis/policy';
import type { ContextualRequest, Verdict } from '@portcullis/policy/model';
import { measureEngine } from './measure.js';

const REQUEST: ContextualRequest = {
  version: '1.0',
  tenant_id: 't',
  source: 'sdk',
  agent: { id: 'a' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
};
const VERDICT: Verdict = {
  effect: 'deny',
  deny: [],
  conditions: [],
  obligations: [],
  matched: [],
  errors: [],
  guards: [],
};

/** An engine that takes time by a clock of its own: every `slow`th decision 100 microseconds, the others 10. */
function createSlowEngine(slow: number): {
  readonly engine: Engine;
  readonly clock: { now(): number; monotonic(): number };
  asked(): readonly string[];
} {
  let time = 0;
  let count = 0;
  const ids: string[] = [];
  return {
    clock: { now: () => 0, monotonic: () => time },
    asked: () => ids,
    engine: {
      policyVersion: '1.0.0',
      policyCount: 1,
      factsNeeded: [],
      evaluate(request: ContextualRequest) {
        count += 1;
        if (ids.length < 8) ids.push(request.context.request_id);
        time += count % slow === 0 ? 0.1 : 0.01;
        return VERDICT;
      },
      explain: () => ({ policyVersion: '1.0.0', verdict: VERDICT, summary: '', sets: [] }),
    } as unknown as Engine,
  };
}

describe('measuring an engine', () => {
  test('counts by the clock and times single decisions', () => {
    const { engine, clock } = createSlowEngine(50);
    const speed = measureEngine(engine, [REQUEST], { seconds: 1, clock, signal: new AbortController().signal });
    expect(speed.p50_us).toBe(10);
    expect(speed.p99_us).toBe(100);
    // 49 of 10 and one of 100 microseconds: 590 for 50 decisions.
    expect(Math.abs(speed.decisions_per_second - 50 / 590e-6)).toBeLessThan(500);
    expect(speed.timed).toBeGreaterThan(30_000);
  });

  test('asks all requests in turn', () => {
    const { engine, clock, asked } = createSlowEngine(50);
    const requests = ['a', 'b', 'c'].map((request_id) => ({ ...REQUEST, context: { ...REQUEST.context, request_id } }));
    measureEngine(engine, requests, { seconds: 1, clock, signal: new AbortController().signal });
    expect(asked()).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b']);
  });

  test('an interrupt ends it', () => {
    const { engine, clock } = createSlowEngine(50);
    const measure = (): unknown =>
      measureEngine(engine, [REQUEST], { seconds: 1e9, clock, signal: AbortSignal.abort() });
    expect(measure).toThrow(expect.objectContaining({ name: 'AbortError' }));
  });
});
