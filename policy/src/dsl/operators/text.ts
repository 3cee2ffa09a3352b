import { ERROR, truthOf } from '../truth.js';
import { oneOrMoreFault, partFault, textsOf } from './literal.js';
import type { OperatorRow } from './row.js';

/** `starts_with`: the text begins with the literal, or with one of a list. */
export const STARTS_WITH: OperatorRow = {
  fields: ['string', 'any'],
  check: (literal) => oneOrMoreFault(literal, partFault),
  link: (literal) => {
    const prefixes = textsOf(literal);
    return (value) =>
      typeof value === 'string' ? truthOf(prefixes.some((prefix) => value.startsWith(prefix))) : ERROR;
  },
  necessary: (literal) => ({ prefixes: textsOf(literal) }),
};

/** `ends_with`: the text ends with the literal, or with one of a list. */
export const ENDS_WITH: OperatorRow = {
  fields: ['string', 'any'],
  check: (literal) => oneOrMoreFault(literal, partFault),
  link: (literal) => {
    const suffixes = textsOf(literal);
    return (value) => (typeof value === 'string' ? truthOf(suffixes.some((suffix) => value.endsWith(suffix))) : ERROR);
  },
};
