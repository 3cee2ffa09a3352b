import { RE2JS } from 're2js';

/**
 * How many instructions a pattern compiles to; a text is why it does not. Each pattern is compiled once: that is the
 * costly part of checking a bundle, and a pattern may stand in thousands of its policies.
 */
export type PatternSizes = (pattern: string, options?: { readonly caseInsensitive: boolean }) => number | string;

/** Sizes that are remembered for as long as the result is. */
export function createPatternSizes(): PatternSizes {
  const known = new Map<string, number | string>();
  return (pattern, { caseInsensitive } = { caseInsensitive: false }) => {
    const key = `${caseInsensitive ? 'i' : ''} ${pattern}`;
    const size = known.get(key) ?? measure(pattern, caseInsensitive ? RE2JS.CASE_INSENSITIVE : 0);
    known.set(key, size);
    return size;
  };
}

function measure(pattern: string, flags: number): number | string {
  try {
    return RE2JS.compile(pattern, flags).programSize();
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown reason';
  }
}
