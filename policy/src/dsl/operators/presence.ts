import { FIELD_TYPES } from '../built-in-fields.js';
import { TRUE } from '../truth.js';
import { valueFault } from './literal.js';
import type { OperatorRow } from './row.js';

/** `exists`: whether the field is there; what a missing field means is settled before a comparison is asked. */
export const EXISTS: OperatorRow = {
  fields: FIELD_TYPES,
  check: (literal) =>
    literal === undefined || typeof literal === 'boolean' ? undefined : valueFault('exists takes true or false'),
  link: () => () => TRUE,
};
