import { createPatternSizes, type PatternSizes } from './operators/pattern-sizes.js';
import type { Literal, Operator } from './operators.js';

/** Instructions of all patterns and globs of one bundle: bounds the time to check it, and the memory that linking takes. */
export const MAX_BUNDLE_PROGRAM = 1_000_000;

/** Adds up the patterns of a bundle; each distinct literal counts once, as it is linked once. */
export interface PatternBudget {
  /** Sizes of the bundle's patterns. Once the budget is used up no further one is compiled: it counts as empty. */
  readonly sizes: PatternSizes;
  /** Takes what a literal compiles to. A text is why it is too much; said once, of the one that was. */
  take(
    operator: Operator,
    literal: Literal,
    stepsOf: (literal: Literal, sizes: PatternSizes) => number,
  ): string | undefined;
}

/** A budget of its own for each bundle. */
export function createPatternBudget(limit: number = MAX_BUNDLE_PROGRAM): PatternBudget {
  const measure = createPatternSizes();
  const seen = new Set<string>();
  let total = 0;
  const sizes: PatternSizes = (pattern, options) => (total > limit ? 0 : measure(pattern, options));
  return {
    sizes,
    take(operator, literal, stepsOf) {
      const key = `${operator} ${JSON.stringify(literal)}`;
      if (total > limit || seen.has(key)) return undefined;
      seen.add(key);
      total += stepsOf(literal, sizes);
      return total > limit ? `the patterns of the bundle compile to more than ${limit} steps together` : undefined;
    },
  };
}
