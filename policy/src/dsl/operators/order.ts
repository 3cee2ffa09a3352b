import type { Json } from '../../model/request.js';
import type { Field } from '../fields.js';
import { ERROR, truthOf } from '../truth.js';
import { compareInstants, type Instant, type InstantRange, parseInstant, parseInstantRange } from './instant.js';
import { valueFault } from './literal.js';
import type { Comparison, Literal, LiteralFault, OperatorRow } from './row.js';

type Bound = number | InstantRange;

/** What an ordered operator says of a value's place: before the literal (-1), within it (0), or after it (1). */
type Accepts = (place: -1 | 0 | 1) => boolean;

/** `greater_than`: a larger number, or a later time; of a date, after the end of its day in UTC. */
export const GREATER_THAN: OperatorRow = ordered((place) => place > 0);
/** `greater_or_equal`: at least; of a date, from the beginning of its day in UTC. */
export const GREATER_OR_EQUAL: OperatorRow = ordered((place) => place >= 0);
/** `less_than`: a smaller number, or an earlier time; of a date, before its day in UTC. */
export const LESS_THAN: OperatorRow = ordered((place) => place < 0);
/** `less_or_equal`: at most; of a date, until the end of its day in UTC. */
export const LESS_OR_EQUAL: OperatorRow = ordered((place) => place <= 0);

/** `between`: `[lowest, highest]`, both included. */
export const BETWEEN: OperatorRow = {
  fields: ['number', 'datetime', 'any'],
  check: (literal, field) => {
    if (!Array.isArray(literal) || literal.length !== 2) return valueFault('expected a list [lowest, highest]');
    const [low, high] = literal as readonly Json[];
    const fault = at(boundFault(low, field), 0) ?? at(boundFault(high, field), 1);
    if (fault !== undefined) return fault;
    if (typeof low !== typeof high) return valueFault('the lowest and the highest are of one type', 1);
    return placeOf(firstOf(boundOf(low)), boundOf(high)) > 0
      ? valueFault('the highest is below the lowest', 1)
      : undefined;
  },
  link: (literal) => {
    const [low, high] = (literal as readonly (string | number)[]).map(boundOf) as [Bound, Bound];
    return compareTo(low, (value) => truthOf(placeOf(value, low) >= 0 && placeOf(value, high) <= 0));
  },
};

function ordered(accepts: Accepts): OperatorRow {
  return {
    fields: ['number', 'datetime', 'any'],
    check: boundFault,
    link: (literal: Literal) => {
      const bound = boundOf(literal);
      return compareTo(bound, (value) => truthOf(accepts(placeOf(value, bound))));
    },
  };
}

/** Reads the value as the bound's kind; another kind cannot be compared. */
function compareTo(bound: Bound, ask: (value: number | Instant) => ReturnType<Comparison>): Comparison {
  if (typeof bound === 'number') return (value) => (typeof value === 'number' ? ask(value) : ERROR);
  return (value) => {
    const instant = typeof value === 'string' ? parseInstant(value) : undefined;
    return instant === undefined ? ERROR : ask(instant);
  };
}

function placeOf(value: number | Instant, bound: Bound): -1 | 0 | 1 {
  if (typeof value === 'number') return Math.sign(value - (bound as number)) as -1 | 0 | 1;
  const { first, last } = bound as InstantRange;
  if (compareInstants(value, first) < 0) return -1;
  return compareInstants(value, last) > 0 ? 1 : 0;
}

function firstOf(bound: Bound): number | Instant {
  return typeof bound === 'number' ? bound : bound.first;
}

function boundOf(literal: unknown): Bound {
  if (typeof literal === 'number') return literal;
  const range = parseInstantRange(literal as string);
  if (range === undefined) throw new TypeError('a compiled bundle compares with a time that is not one');
  return range;
}

function boundFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  if (field.type === 'number') return typeof literal === 'number' ? undefined : valueFault('expected a number');
  if (typeof literal === 'string' && parseInstantRange(literal) !== undefined) return undefined;
  const time = 'an RFC 3339 time such as 2026-01-31T09:00:00Z, or a date such as 2026-01-31';
  if (field.type === 'datetime') return valueFault(`expected ${time}`);
  return typeof literal === 'number' ? undefined : valueFault(`expected a number, or ${time}`);
}

function at(fault: LiteralFault | undefined, index: number): LiteralFault | undefined {
  return fault === undefined ? undefined : { ...fault, at: [index, ...fault.at] };
}
