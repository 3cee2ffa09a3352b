import ipaddr from 'ipaddr.js';
import type { Json, JsonObject } from '../../model/request.js';
import { MODULE_LIMITS } from '../limits.js';

/** A value in Cedar's JSON form. */
export type CedarValue =
  | boolean
  | number
  | string
  | readonly CedarValue[]
  | { readonly __extn: { readonly fn: string; readonly arg: string } }
  | CedarRecord;
/** A record in Cedar's JSON form. */
export interface CedarRecord {
  readonly [name: string]: CedarValue;
}

/** Keys by which Cedar's JSON form writes entities and extension values: a request must not be able to forge those. */
const ESCAPES: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr']);
/** Cedar's decimals end here. */
const MAX_DECIMAL = 922_337_203_685_477;
const DECIMAL_DIGITS = 4;

/**
 * A JSON value in Cedar's terms. Whole numbers are longs, others decimals rounded to 4 digits; lists are sets. Cedar has
 * no null: such a member of an object is left out, and such an element becomes an empty record, so that its list stays
 * as full as it is.
 * @throws TypeError for what Cedar has no value for; the message names the place, never the value
 */
export function toCedarValue(value: Json, path: string, depth: number = MODULE_LIMITS.cedar.valueDepth): CedarValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return toNumber(value, path);
  if (value === null) return {};
  if (depth === 0) throw new TypeError(`${path} is nested too deeply`);
  if (Array.isArray(value)) {
    return (value as readonly Json[]).map((element, index) => toCedarValue(element, `${path}[${index}]`, depth - 1));
  }
  return toCedarRecord(value as JsonObject, path, depth);
}

/** An object in Cedar's terms; see {@link toCedarValue}. */
export function toCedarRecord(
  value: JsonObject,
  path: string,
  depth: number = MODULE_LIMITS.cedar.valueDepth,
): CedarRecord {
  const members: [string, CedarValue][] = [];
  for (const [name, member] of Object.entries(value)) {
    if (ESCAPES.has(name)) throw new TypeError(`${path} has the key ${name}, which Cedar's JSON form reserves`);
    if (member === null || member === undefined) continue;
    members.push([name, toCedarValue(member, `${path}.${name}`, depth - 1)]);
  }
  return Object.fromEntries(members);
}

/**
 * Refuses what would keep the library busy for long: it copies every value of the request.
 * @throws TypeError when the request is over a cap
 */
export function checkSize(request: object): void {
  const { values, characters } = MODULE_LIMITS.cedar;
  let valuesLeft: number = values;
  let charactersLeft: number = characters;
  const waiting: unknown[] = [request];
  while (waiting.length > 0) {
    const value = waiting.pop();
    valuesLeft -= 1;
    if (typeof value === 'string') charactersLeft -= value.length;
    else if (typeof value === 'object' && value !== null) {
      const parts = Object.values(value);
      // Before they are pushed: a list may be longer than there is memory for.
      if (parts.length + waiting.length > valuesLeft) valuesLeft = -1;
      else waiting.push(...parts);
    }
    if (valuesLeft < 0) throw new TypeError(`the request has more than ${values} values`);
    if (charactersLeft < 0) throw new TypeError(`the request has more than ${characters} characters of text`);
  }
}

function toNumber(value: number, path: string): CedarValue {
  // Not `value` itself: -0 has no form as a long.
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  return toDecimal(value, path);
}

/** A number as a decimal even when it is whole, for fields that are shares: `1` and `0.5` must compare. */
export function toDecimal(value: Json, path: string): CedarValue {
  if (typeof value !== 'number' || !(Math.abs(value) < MAX_DECIMAL)) {
    throw new TypeError(`${path} is not a number that fits a Cedar decimal`);
  }
  const digits = value.toFixed(DECIMAL_DIGITS);
  return { __extn: { fn: 'decimal', arg: Number(digits) === 0 ? '0.0' : digits } };
}

/** An IP address as Cedar's `ipaddr`. IPv4 inside IPv6 is taken out, because Cedar refuses it; a zone is dropped. */
export function toIpAddress(value: Json, path: string): CedarValue {
  const text = typeof value === 'string' ? (value.split('%', 1)[0] ?? '') : '';
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) {
    throw new TypeError(`${path} is not an IP address`);
  }
  return { __extn: { fn: 'ip', arg: ipaddr.process(text).toString() } };
}

/** An RFC 3339 time as Cedar's `datetime`, to the millisecond. */
export function toDatetime(value: Json, path: string): CedarValue {
  const instant = new Date(typeof value === 'string' ? value : Number.NaN);
  if (Number.isNaN(instant.getTime())) throw new TypeError(`${path} is not a time`);
  return { __extn: { fn: 'datetime', arg: instant.toISOString() } };
}
