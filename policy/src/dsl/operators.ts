import { RE2JS } from 're2js';
import type { Json } from '../model/request.js';
import type { Field, FieldType } from './fields.js';
import { didYouMean } from './nearest.js';
import type { PolicyProblemCode } from './problem-codes.js';
import { ERROR, FALSE, TRUE, type Truth, truthOf } from './truth.js';

/** What a policy may compare a field with. `null` is not one: `exists` asks whether a field is there. */
export type Scalar = string | number | boolean;
/** An operator's literal. */
export type Literal = Scalar | readonly Scalar[];

/** The operators after negation has been pushed to the leaves; `not_equals` is a negated `equals`. */
export const BASE_OPERATORS = [
  'equals',
  'in',
  'contains',
  'greater_than',
  'less_than',
  'regex_match',
  'exists',
] as const;
/** See {@link BASE_OPERATORS}. */
export type BaseOperator = (typeof BASE_OPERATORS)[number];

/** The operators of policy text, each as a base operator and a sign. A new operator is a row here and a row below. */
export const OPERATORS = {
  equals: { base: 'equals', negated: false },
  not_equals: { base: 'equals', negated: true },
  in: { base: 'in', negated: false },
  not_in: { base: 'in', negated: true },
  contains: { base: 'contains', negated: false },
  greater_than: { base: 'greater_than', negated: false },
  less_than: { base: 'less_than', negated: false },
  regex_match: { base: 'regex_match', negated: false },
  exists: { base: 'exists', negated: false },
} as const satisfies Record<string, { base: BaseOperator; negated: boolean }>;
/** An operator's name in policy text. */
export type Operator = keyof typeof OPERATORS;
/** The operators' names. */
export const OPERATOR_NAMES: readonly Operator[] = Object.keys(OPERATORS) as Operator[];

/** Whether `name` is an operator. */
export function isOperator(name: string): name is Operator {
  return Object.hasOwn(OPERATORS, name);
}

/** A literal that an operator refuses. */
export interface LiteralFault {
  readonly code: PolicyProblemCode;
  readonly message: string;
  /** The index of the element at fault, when the literal is a list. */
  readonly index?: number;
}

/** Everything the engine knows about one operator, in one place. */
export interface OperatorRow {
  /** The types of field it can be asked of. */
  readonly fields: readonly FieldType[];
  /** What is wrong with a literal for this field, if anything. */
  readonly check: (literal: Json | undefined, field: Field) => LiteralFault | undefined;
  /** Binds a literal that passed `check`; the result is asked only about fields that are there. */
  readonly link: (literal: Literal) => (value: Json) => Truth;
  /** The strings of which one must be the field's value for the leaf to be true; the index is built of these. */
  readonly mustBe?: (literal: Literal) => readonly string[] | undefined;
}

/** A longer pattern is a mistake, or an attempt on the compiler. */
export const MAX_PATTERN_LENGTH = 2048;
/** Instructions of the compiled pattern: bounds the time per character. */
export const MAX_PATTERN_PROGRAM = 4096;
/** Elements of a list literal. */
export const MAX_LIST_LENGTH = 10_000;

/** The table. */
export const OPERATOR_TABLE = {
  equals: {
    fields: ['string', 'number', 'boolean', 'any'],
    check: scalarFault,
    link: (literal) => {
      const type = typeof literal;
      return (value) => (typeof value === type ? truthOf(value === literal) : ERROR);
    },
    mustBe: (literal) => (typeof literal === 'string' ? [literal] : undefined),
  },
  in: {
    fields: ['string', 'number', 'boolean', 'any'],
    check: listFault,
    link: (literal) => {
      const members = new Set<Json>(literal as readonly Scalar[]);
      const type = typeof (literal as readonly Scalar[])[0];
      return (value) => (typeof value === type ? truthOf(members.has(value)) : ERROR);
    },
    mustBe: (literal) => {
      const members = literal as readonly Scalar[];
      return typeof members[0] === 'string' ? (members as readonly string[]) : undefined;
    },
  },
  contains: {
    fields: ['string', 'string_list', 'any'],
    check: (literal, field) => {
      // A part of a text need not be one of the texts that the field can have.
      const { members: _members, ...part } = field;
      const fault = scalarFault(literal, { ...part, type: field.type === 'any' ? 'any' : 'string' });
      if (fault !== undefined) return fault;
      // An empty text is contained in every text: surely a slip, and in a rule that allows a dangerous one.
      return literal === '' ? valueFault('an empty text is contained in every text') : undefined;
    },
    link: (literal) => (value) => containsTruth(value, literal as Scalar),
  },
  greater_than: {
    fields: ['number', 'any'],
    check: numberFault,
    link: (literal) => (value) => (typeof value === 'number' ? truthOf(value > (literal as number)) : ERROR),
  },
  less_than: {
    fields: ['number', 'any'],
    check: numberFault,
    link: (literal) => (value) => (typeof value === 'number' ? truthOf(value < (literal as number)) : ERROR),
  },
  regex_match: {
    fields: ['string', 'any'],
    check: patternFault,
    link: (literal) => {
      const pattern = RE2JS.compile(literal as string);
      return (value) => (typeof value === 'string' ? truthOf(pattern.test(value)) : ERROR);
    },
  },
  exists: {
    fields: ['string', 'number', 'boolean', 'string_list', 'object', 'any'],
    check: (literal) =>
      literal === undefined || typeof literal === 'boolean'
        ? undefined
        : { code: 'ERR_POLICY_VALUE_INVALID', message: 'exists takes true or false' },
    link: () => () => TRUE,
  },
} as const satisfies Record<BaseOperator, OperatorRow>;

/** The row of an operator, with its optional parts. */
export function operatorRow(operator: BaseOperator): OperatorRow {
  return OPERATOR_TABLE[operator];
}

function containsTruth(value: Json, wanted: Scalar): Truth {
  if (typeof value === 'string') return typeof wanted === 'string' ? truthOf(value.includes(wanted)) : ERROR;
  if (!Array.isArray(value)) return ERROR;
  let result: Truth = FALSE;
  for (const element of value as readonly Json[]) {
    if (element === wanted) return TRUE;
    // An element of another type might hide what is looked for, so its absence cannot be claimed.
    if (typeof element !== typeof wanted) result = ERROR;
  }
  return result;
}

const TYPE_OF_FIELD: Readonly<Record<FieldType, 'string' | 'number' | 'boolean' | undefined>> = {
  string: 'string',
  number: 'number',
  boolean: 'boolean',
  string_list: 'string',
  object: undefined,
  any: undefined,
};

function valueFault(message: string, index?: number): LiteralFault {
  return { code: 'ERR_POLICY_VALUE_INVALID', message, ...(index === undefined ? {} : { index }) };
}

function isLiteralScalar(value: Json | undefined): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function scalarFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  if (literal === undefined) return valueFault('a value is missing');
  if (literal === null)
    return valueFault('null is not a value to compare with; ask with exists whether a field is there');
  if (!isLiteralScalar(literal)) return valueFault('expected one text, number or boolean');
  const wanted = TYPE_OF_FIELD[field.type];
  if (wanted !== undefined && typeof literal !== wanted) {
    return valueFault(`${field.path} is a ${wanted}, this is a ${typeof literal}`);
  }
  if (field.members !== undefined && typeof literal === 'string' && !field.members.includes(literal)) {
    const list = field.members.join(', ');
    return valueFault(
      `${field.path} is never "${literal}" (it is one of ${list})${didYouMean(literal, field.members)}`,
    );
  }
  return undefined;
}

function listFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  if (!Array.isArray(literal)) return valueFault('expected a list');
  const elements = literal as readonly Json[];
  if (elements.length === 0) return valueFault('an empty list has no members, so the leaf would never hold');
  if (elements.length > MAX_LIST_LENGTH) return valueFault(`a list has at most ${MAX_LIST_LENGTH} members`);
  for (const [index, element] of elements.entries()) {
    const fault = scalarFault(element, field);
    if (fault !== undefined) return { ...fault, index };
    if (typeof element !== typeof elements[0]) return valueFault('the members of a list are all of one type', index);
  }
  return undefined;
}

function numberFault(literal: Json | undefined): LiteralFault | undefined {
  return typeof literal === 'number' ? undefined : valueFault('expected a number');
}

function patternFault(literal: Json | undefined): LiteralFault | undefined {
  const fault = (message: string): LiteralFault => ({ code: 'ERR_POLICY_REGEX_INVALID', message });
  if (typeof literal !== 'string') return fault('expected a regular expression');
  if (literal === '') return fault('an empty pattern matches every text');
  if (literal.length > MAX_PATTERN_LENGTH) return fault(`a pattern has at most ${MAX_PATTERN_LENGTH} characters`);
  try {
    const size = RE2JS.compile(literal).programSize();
    return size > MAX_PATTERN_PROGRAM
      ? fault(`the compiled pattern has ${size} steps, at most ${MAX_PATTERN_PROGRAM}`)
      : undefined;
  } catch (error) {
    return fault(`not an RE2 pattern: ${error instanceof Error ? error.message : 'unknown reason'}`);
  }
}
