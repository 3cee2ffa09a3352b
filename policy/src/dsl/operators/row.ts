import type { ContextualRequest } from '../../model/facts.js';
import type { Json, JsonObject } from '../../model/request.js';
import type { Field, FieldType } from '../fields.js';
import type { PolicyProblemCode } from '../problem-codes.js';
import type { Truth } from '../truth.js';
import type { Ip } from './ip.js';
import type { Necessary } from './necessary.js';
import type { PatternSearches } from './pattern-search.js';
import type { PatternSizes } from './pattern-sizes.js';
import type { ZoneClock } from './zone-clock.js';

/** What a policy may compare a field with. `null` is not one: `exists` asks whether a field is there. */
export type Scalar = string | number | boolean;
/** An operator's literal; an object for the few operators that take one. */
export type Literal = Scalar | readonly Scalar[] | JsonObject;

/** A literal that an operator refuses. */
export interface LiteralFault {
  readonly code: PolicyProblemCode;
  readonly message: string;
  /** The place inside the literal; empty for the literal itself. */
  readonly at: readonly (string | number)[];
}

/** What the leaves of one bundle share. */
export interface LinkContext {
  /** The clock of an IANA time zone. */
  readonly zoneClock: (timeZone: string) => ZoneClock;
  /** `parseIp`, for values; absent: each leaf parses for itself. */
  readonly ipOf?: (text: string) => Ip | undefined;
  /** `canonicalHost`, for values; absent: each leaf parses for itself. */
  readonly hostOf?: (text: string) => string | undefined;
  /** Looks for the patterns of many leaves in one pass; absent: each leaf looks for itself. */
  readonly searchOf?: PatternSearches;
}

/**
 * Asks a value that is there. Pure; `ERROR` when the question cannot be put to it. An internal operator may look at more
 * of the request than its field; whoever makes its condition sees to it that those fields are named there as well.
 */
export type Comparison = (value: Json, request: ContextualRequest) => Truth;

/** Everything the engine knows about one operator, in one place. */
export interface OperatorRow {
  /** The types of field it can be asked of. */
  readonly fields: readonly FieldType[];
  /** Only conditions that the compiler itself makes may use it. */
  readonly internal?: true;
  /** What is wrong with a literal for this field, if anything. `sizes` spares the patterns that were seen before. */
  readonly check: (literal: Json | undefined, field: Field, sizes?: PatternSizes) => LiteralFault | undefined;
  /** Binds a literal that passed `check`; the result is asked only about fields that are there. */
  readonly link: (literal: Literal, field: Field, context: LinkContext) => Comparison;
  /** What must hold of the field for a positive leaf to be true; the index is built of it. */
  readonly necessary?: (literal: Literal, field: Field) => Necessary | undefined;
  /** About how many instructions the patterns of a literal compile to; none when absent. Bounds a bundle. */
  readonly patternSteps?: (literal: Literal, sizes: PatternSizes) => number;
}
