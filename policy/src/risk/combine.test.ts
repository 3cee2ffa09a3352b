import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { IntentRisk } from '../model/request.js';
import { type CombineOptions, combineRisk, type WeighedFinding } from './combine.js';

const OPTIONS: CombineOptions = { reviewFrom: 0.5, blockFrom: 0.9, reported: undefined, notSeen: [] };
const SEVERITY = { ALLOW: 0, REVIEW: 1, BLOCK: 2 } as const;

const finding = (signalType: string, score: number, weight = 0.5): WeighedFinding => ({
  signalType,
  score,
  weight,
  dimensions: { data_exfiltration: weight },
  details: {},
});

const findings = fc.array(
  fc.record({
    signalType: fc.constantFrom('a', 'b', 'c', 'd'),
    score: fc.float({ min: 0, max: 1, noNaN: true }),
    weight: fc.float({ min: 0, max: 1, noNaN: true }),
    dimensions: fc.constantFrom({}, { data_exfiltration: 0.5 }, { prompt_injection: 1 }),
    details: fc.constant({}),
  }),
  { maxLength: 6 },
);
const reported = fc.option(
  fc.record(
    {
      decision: fc.constantFrom('ALLOW' as const, 'REVIEW' as const, 'BLOCK' as const),
      behavioral_signals: fc.array(fc.record({ signal_type: fc.constantFrom('mine', 'yours') }), { maxLength: 3 }),
      risk_dimensions: fc.dictionary(
        fc.constantFrom('data_exfiltration', 'overall', 'cost'),
        fc.float({ min: 0, max: 1, noNaN: true }),
      ),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined },
) as fc.Arbitrary<IntentRisk | undefined>;

const isAtLeast = (more: IntentRisk, less: IntentRisk): boolean =>
  SEVERITY[more.decision ?? 'ALLOW'] >= SEVERITY[less.decision ?? 'ALLOW'] &&
  Object.entries(less.risk_dimensions ?? {}).every(([name, value]) => (more.risk_dimensions?.[name] ?? -1) >= value);

describe('the combiner', () => {
  test('nothing found, nothing said', () => {
    expect(combineRisk([], OPTIONS)).toEqual({
      decision: 'ALLOW',
      explanation: 'ALLOW at 0.00: no signal',
      behavioral_signals: [],
      risk_dimensions: { overall: 0 },
    });
  });

  test('weak signals add up, and the explanation names them', () => {
    const { decision, explanation, risk_dimensions } = combineRisk([finding('b', 0.8), finding('a', 1)], {
      ...OPTIONS,
      notSeen: ['history of the session'],
    });
    expect(decision).toBe('REVIEW');
    expect(explanation).toBe('REVIEW at 0.70: a 1.00, b 0.80; not seen: history of the session');
    expect(risk_dimensions).toEqual({ overall: 0.7, data_exfiltration: 0.7 });
  });

  test('more evidence never lowers the risk', () => {
    fc.assert(
      fc.property(findings, findings, (some, more) => {
        expect(isAtLeast(combineRisk([...some, ...more], OPTIONS), combineRisk(some, OPTIONS))).toBe(true);
      }),
    );
  });

  test('what the caller reports never lowers the risk, and is never lost', () => {
    fc.assert(
      fc.property(findings, reported, (found, said) => {
        const with_ = combineRisk(found, { ...OPTIONS, reported: said });
        expect(isAtLeast(with_, combineRisk(found, OPTIONS))).toBe(true);
        if (said === undefined) return;
        expect(isAtLeast(with_, said)).toBe(true);
        for (const signal of said.behavioral_signals ?? []) expect(with_.behavioral_signals).toContainEqual(signal);
      }),
    );
  });

  test('the order of the findings does not matter', () => {
    fc.assert(
      fc.property(findings, (found) => {
        const unique = [...new Map(found.map((one) => [one.signalType, one])).values()];
        expect(combineRisk(unique.toReversed(), OPTIONS)).toEqual(combineRisk(unique, OPTIONS));
      }),
    );
  });
});
