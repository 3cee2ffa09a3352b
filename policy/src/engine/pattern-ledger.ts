import { createPatternSizes, type PatternSizes } from '../dsl/operators/pattern-sizes.js';
import type { Literal, Operator } from '../dsl/operators.js';
import { MAX_BUNDLE_PROGRAM, type PatternBudget } from '../dsl/pattern-budget.js';

/** What one pattern of a policy takes of the bundle's budget. */
export interface PatternUse {
  /** Patterns of one key are linked, and count, once. */
  readonly key: string;
  /** Instructions. */
  readonly steps: number;
}

/** A bundle's pattern budget that is drawn on by policies that are compiled and by those that were compiled before. */
export interface PatternLedger {
  /** A budget for compiling one policy, and what was taken of it. */
  record(): { readonly budget: PatternBudget; readonly uses: readonly PatternUse[] };
  /** Takes what a policy took when it was compiled. Returns whether the budget allows it. */
  take(uses: readonly PatternUse[]): boolean;
}

/** A ledger of its own for each bundle. */
export function createPatternLedger(limit: number = MAX_BUNDLE_PROGRAM): PatternLedger {
  const measure = createPatternSizes();
  const seen = new Set<string>();
  let total = 0;
  const sizes: PatternSizes = (pattern, options) => (total > limit ? 0 : measure(pattern, options));
  const add = ({ key, steps }: PatternUse): boolean => {
    if (!seen.has(key)) total += steps;
    seen.add(key);
    return total <= limit;
  };
  return {
    record() {
      const uses: PatternUse[] = [];
      const take = (
        operator: Operator,
        literal: Literal,
        stepsOf: (literal: Literal, sizes: PatternSizes) => number,
      ): string | undefined => {
        const use = { key: `${operator} ${JSON.stringify(literal)}`, steps: stepsOf(literal, sizes) };
        uses.push(use);
        return add(use) ? undefined : 'too many patterns';
      };
      return { budget: { sizes, take }, uses };
    },
    take: (uses) => uses.every(add),
  };
}
