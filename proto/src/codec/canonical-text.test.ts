import { describe, expect, test } from '@jest/globals';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { canonicalText } from './canonical-text.js';

/** The text, or that there is none. */
function outcome(write: () => string | undefined): string {
  try {
    return `text ${write() ?? ''}`;
  } catch {
    return 'none';
  }
}

// Few names, so that orders, integers and prototypes meet often.
const names = fc.oneof(
  fc.constantFrom('a', 'b', 'B', 'aa', '10', '9', '01', '-1', '', '__proto__', 'toJSON', 'é', '\ufb33', '\u{1f600}'),
  fc.string({ unit: 'binary', maxLength: 5 }),
);
const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.constantFrom('\ud800', '\\ud800', '\\udead', '"', '\u2028', '\u0007'),
  fc.double(),
  fc.constantFrom(0, -0, 1e21, 1e-7, 5e-324, Number.NaN, Number.NEGATIVE_INFINITY),
  fc.boolean(),
  fc.constantFrom(null, undefined, new Date(0), Object.create(null)),
);
const holding = (inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(
    inner,
    fc.array(inner, { maxLength: 3 }),
    fc.array(fc.tuple(names, inner), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  );
const value = holding(holding(holding(leaf)));

describe('the RFC 8785 text', () => {
  test('is that of the reference implementation, and where that refuses there is none', () => {
    fc.assert(
      fc.property(value, (any) => {
        fc.pre(any !== undefined);
        expect(outcome(() => canonicalText(any as object))).toBe(outcome(() => canonicalize(any)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('is that of the reference implementation for many members in any order', () => {
    const many = fc.dictionary(fc.string({ unit: 'binary', maxLength: 3 }), fc.nat(9), { maxKeys: 40 });
    fc.assert(
      fc.property(many, (any) => {
        expect(outcome(() => canonicalText(any))).toBe(outcome(() => canonicalize(any)));
      }),
      { numRuns: 500 },
    );
  });

  test('has no cycles, and any depth', () => {
    const cycle: Record<string, unknown> = { a: 1 };
    cycle['b'] = cycle;
    expect(() => canonicalText(cycle)).toThrow();
    let deep: object = { b: 1, a: 2 };
    for (let depth = 0; depth < 200; depth += 1) deep = { b: deep, a: depth };
    expect(canonicalText(deep)).toBe(canonicalize(deep));
  });

  test('does not touch what it is given', () => {
    const request = Object.freeze({ b: Object.freeze([Object.freeze({ d: 1, c: 2 })]), a: 1 });
    expect(canonicalText(request)).toBe('{"a":1,"b":[{"c":2,"d":1}]}');
    expect(JSON.stringify(request)).toBe('{"b":[{"d":1,"c":2}],"a":1}');
  });
});
