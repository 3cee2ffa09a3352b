/** The obligation to report what an attempt brought back before anybody gets it (contracts §9). */

import { type Decision, REPORT_RESULT } from '@portcullis/policy/model';

/** What is to be reported. */
export interface ResultOrder {
  /** At most so much of the result, in bytes of JSON. */
  readonly maxBytes: number;
}

/** A PDP that asked for less could not be told of a truncated result either. */
const MIN_BYTES = 64;
const MAX_BYTES = 16 * 1024 * 1024;
/** The smallest order that there is. */
export const LEAST_ORDER: ResultOrder = { maxBytes: MIN_BYTES };

/** What the decision orders; `undefined` when nothing, `unusable` when it orders something that is not understood. */
export function resultOrder({ obligations }: Decision): ResultOrder | 'unusable' | undefined {
  const orders = obligations.filter(({ type }) => type === REPORT_RESULT);
  const [order] = orders;
  if (order === undefined) return undefined;
  const { value } = order;
  const maxBytes = typeof value === 'object' && value !== null && 'max_bytes' in value ? value['max_bytes'] : undefined;
  const isUsable =
    orders.length === 1 && Number.isInteger(maxBytes) && Number(maxBytes) >= MIN_BYTES && Number(maxBytes) <= MAX_BYTES;
  return isUsable ? { maxBytes: Number(maxBytes) } : 'unusable';
}
