import { ADDRESSES } from './operators/addresses.js';
import { CARRIES } from './operators/carries.js';
import { EQUALS, IN } from './operators/equality.js';
import { FLOWS } from './operators/flows.js';
import { FOLLOWS } from './operators/follows.js';
import { GLOB_MATCH } from './operators/glob.js';
import { CONTAINS, CONTAINS_ALL, CONTAINS_ANY, SUBSET_OF } from './operators/membership.js';
import { CIDR_MATCH, DOMAIN_MATCH } from './operators/network.js';
import { BETWEEN, GREATER_OR_EQUAL, GREATER_THAN, LESS_OR_EQUAL, LESS_THAN } from './operators/order.js';
import { REGEX_MATCH } from './operators/pattern.js';
import { EXISTS } from './operators/presence.js';
import type { OperatorRow } from './operators/row.js';
import { ENDS_WITH, STARTS_WITH } from './operators/text.js';
import { TEXT_MATCHES } from './operators/text-matches.js';
import { IN_TIME_WINDOW } from './operators/time-window.js';

export type { Comparison, LinkContext, Literal, LiteralFault, OperatorRow, Scalar } from './operators/row.js';

/** The table: the operators after negation has been pushed to the leaves. A new operator is a row here. */
export const OPERATOR_TABLE = {
  equals: EQUALS,
  in: IN,
  contains: CONTAINS,
  contains_any: CONTAINS_ANY,
  contains_all: CONTAINS_ALL,
  subset_of: SUBSET_OF,
  greater_than: GREATER_THAN,
  greater_or_equal: GREATER_OR_EQUAL,
  less_than: LESS_THAN,
  less_or_equal: LESS_OR_EQUAL,
  between: BETWEEN,
  starts_with: STARTS_WITH,
  ends_with: ENDS_WITH,
  glob_match: GLOB_MATCH,
  regex_match: REGEX_MATCH,
  domain_match: DOMAIN_MATCH,
  cidr_match: CIDR_MATCH,
  in_time_window: IN_TIME_WINDOW,
  exists: EXISTS,
  text_matches: TEXT_MATCHES,
  addresses: ADDRESSES,
  carries: CARRIES,
  follows: FOLLOWS,
  flows: FLOWS,
} as const satisfies Record<string, OperatorRow>;

/** An operator of the table; `not_equals` is a negated `equals`. */
export type BaseOperator = keyof typeof OPERATOR_TABLE;

/** What an operator of policy text means: a row of the table and a sign. */
export interface OperatorSpelling {
  readonly base: BaseOperator;
  readonly negated: boolean;
}

/** The operators that policy text spells as the negation of another. */
const NEGATIONS = {
  not_equals: 'equals',
  not_in: 'in',
} as const satisfies Record<string, BaseOperator>;

/** An operator's name in policy text. */
export type Operator = BaseOperator | keyof typeof NEGATIONS;

/** The names of the operators that authors may write; a negation stands behind what it negates. */
export const OPERATOR_NAMES: readonly Operator[] = (Object.keys(OPERATOR_TABLE) as BaseOperator[])
  .filter((name) => !isInternal(name))
  .flatMap((name) => [name, ...negationsOf(name)]);

function negationsOf(base: BaseOperator): readonly Operator[] {
  return (Object.keys(NEGATIONS) as (keyof typeof NEGATIONS)[]).filter((name) => NEGATIONS[name] === base);
}

/** Whether `name` is an operator; internal ones are. */
export function isOperator(name: string): name is Operator {
  return Object.hasOwn(OPERATOR_TABLE, name) || Object.hasOwn(NEGATIONS, name);
}

/** Whether only the compiler's own conditions may use an operator. */
export function isInternal(name: Operator): boolean {
  return operatorRow(spellingOf(name).base).internal === true;
}

/** What an operator of policy text means. */
export function spellingOf(name: Operator): OperatorSpelling {
  return name === 'not_equals' || name === 'not_in'
    ? { base: NEGATIONS[name], negated: true }
    : { base: name, negated: false };
}

/** The row of an operator, with its optional parts. */
export function operatorRow(operator: BaseOperator): OperatorRow {
  return OPERATOR_TABLE[operator];
}
