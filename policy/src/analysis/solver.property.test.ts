import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileCondition } from '../dsl/condition.js';
import { createFindings } from '../dsl/findings.js';
import type { ConditionIr } from '../engine/ir.js';
import { createLinker } from '../engine/match.js';
import type { Json } from '../model/request.js';
import { type Claim, every, not, truthIs } from './claim.js';
import { createSolver } from './solver.js';
import { generatedCondition, generatedRequest } from './testing/generated-conditions.js';
import { CAN_ERROR, CAN_FALSE, CAN_TRUE } from './truth-set.js';

const RUNS = 400;

function compile(when: Json, blocking: boolean): ConditionIr {
  const findings = createFindings();
  const where = { file: 'p.yaml', base: '', at: () => undefined };
  const compiled = compileCondition(when, { where, findings, blocking });
  if (compiled === undefined) throw new Error(JSON.stringify(findings.sorted()));
  return compiled;
}

const condition = fc.tuple(generatedCondition, fc.boolean()).map(([when, blocking]) => compile(when, blocking));
const claim: fc.Arbitrary<Claim> = fc.oneof(
  fc
    .tuple(condition, fc.constantFrom(CAN_TRUE, CAN_ERROR, CAN_FALSE, CAN_TRUE | CAN_ERROR))
    .map(([of, among]) => truthIs(of, among)),
  fc.tuple(condition, condition).map(([one, other]) => every(truthIs(one, CAN_TRUE), not(truthIs(other, CAN_TRUE)))),
);

describe('a solver', () => {
  test('says no only where no request does it, and yes with one that does', () => {
    const counts = { yes: 0, no: 0, unknown: 0 };
    fc.assert(
      fc.property(claim, fc.array(generatedRequest, { minLength: 30, maxLength: 30 }), (asked, requests) => {
        const solver = createSolver(createLinker());
        const found = solver.ask(asked);
        counts[found.answer] += 1;
        if (found.answer === 'yes') expect(solver.holds(asked, found.request)).toBe(true);
        if (found.answer === 'no') for (const request of requests) expect(solver.holds(asked, request)).toBe(false);
      }),
      { numRuns: RUNS },
    );
    // A solver that never knows would pass the above.
    expect(counts.unknown).toBeLessThan((counts.yes + counts.no) / 10);
    expect(counts.no).toBeGreaterThan(RUNS / 50);
  }, 120_000);
});
