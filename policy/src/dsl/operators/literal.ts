import type { Json } from '../../model/request.js';
import type { Field, FieldType } from '../fields.js';
import { didYouMean } from '../nearest.js';
import { parseInstantRange } from './instant.js';
import { parseIp } from './ip.js';
import type { LiteralFault, Scalar } from './row.js';

/** Elements of a list literal. */
export const MAX_LIST_LENGTH = 10_000;

/** The type of the literal that one element of a field is compared with; nothing where the author chooses it. */
const TYPE_OF_FIELD: Readonly<Record<FieldType, 'string' | 'number' | 'boolean' | undefined>> = {
  string: 'string',
  number: 'number',
  boolean: 'boolean',
  string_list: 'string',
  number_list: 'number',
  datetime: 'string',
  ip: 'string',
  object: undefined,
  any: undefined,
};

/** A fault of a literal's value. */
export function valueFault(message: string, ...at: readonly (string | number)[]): LiteralFault {
  return { code: 'ERR_POLICY_VALUE_INVALID', message, at };
}

/** Whether a value is one that a field can be compared with. */
export function isScalar(value: Json | undefined): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** What is wrong with a literal that should be one value of the field's type. */
export function scalarFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  if (literal === undefined) return valueFault('a value is missing');
  if (literal === null)
    return valueFault('null is not a value to compare with; ask with exists whether a field is there');
  if (!isScalar(literal)) return valueFault('expected one text, number or boolean');
  const wanted = TYPE_OF_FIELD[field.type];
  if (wanted !== undefined && typeof literal !== wanted) {
    return valueFault(`${field.path} is a ${field.type.replace('_list', '')}, this is a ${typeof literal}`);
  }
  if (field.type === 'datetime' && parseInstantRange(literal as string) === undefined) {
    return valueFault('expected an RFC 3339 time such as 2026-01-31T09:00:00Z, or a date such as 2026-01-31');
  }
  if (field.type === 'ip' && parseIp(literal as string) === undefined) {
    return valueFault(`"${literal}" is not an IP address; ask for a range with cidr_match`);
  }
  if (field.members !== undefined && typeof literal === 'string' && !field.members.includes(literal)) {
    const list = field.members.join(', ');
    return valueFault(
      `${field.path} is never "${literal}" (it is one of ${list})${didYouMean(literal, field.members)}`,
    );
  }
  return undefined;
}

/** What is wrong with a literal that should be a list of values of the field's type. */
export function listFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  return elementsFault(literal, (element) => scalarFault(element, field));
}

/** What is wrong with a list, or with the first element that is at fault. All elements are of one type. */
export function elementsFault(
  literal: Json | undefined,
  faultOf: (element: Json) => LiteralFault | undefined,
): LiteralFault | undefined {
  if (!Array.isArray(literal)) return valueFault('expected a list');
  const elements = literal as readonly Json[];
  if (elements.length === 0) return valueFault('an empty list has no members, so the leaf would never hold');
  if (elements.length > MAX_LIST_LENGTH) return valueFault(`a list has at most ${MAX_LIST_LENGTH} members`);
  for (const [index, element] of elements.entries()) {
    const fault = faultOf(element);
    if (fault !== undefined) return { ...fault, at: [index, ...fault.at] };
    if (typeof element !== typeof elements[0]) return valueFault('the members of a list are all of one type', index);
  }
  return undefined;
}

/** What is wrong with a literal that is one value or a list of them. */
export function oneOrMoreFault(
  literal: Json | undefined,
  faultOf: (element: Json | undefined) => LiteralFault | undefined,
): LiteralFault | undefined {
  return Array.isArray(literal) ? elementsFault(literal, faultOf) : faultOf(literal);
}

/** What is wrong with a text that a value is searched for. An empty one is in every text: surely a slip. */
export function partFault(literal: Json | undefined): LiteralFault | undefined {
  if (literal === undefined) return valueFault('a value is missing');
  if (typeof literal !== 'string') return valueFault('expected a text');
  return literal === '' ? valueFault('an empty text is part of every text') : undefined;
}

/** The texts of a literal that is one text or a list of texts. */
export function textsOf(literal: unknown): readonly string[] {
  return typeof literal === 'string' ? [literal] : (literal as readonly string[]);
}
