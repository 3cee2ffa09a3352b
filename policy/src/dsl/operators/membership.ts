import type { Json } from '../../model/request.js';
import type { Field, FieldType } from '../fields.js';
import { ERROR, FALSE, TRUE, type Truth, truthOf } from '../truth.js';
import { elementsFault, partFault, scalarFault } from './literal.js';
import type { Comparison, LiteralFault, OperatorRow, Scalar } from './row.js';

/** `contains`: a text has that part, a list has that member. */
export const CONTAINS: OperatorRow = {
  fields: ['string', 'string_list', 'number_list', 'any'],
  check: memberFault,
  link: (literal, field) => {
    const wanted = literal as Scalar;
    const readable = readableAs(field);
    return (value) => {
      if (!readable(value)) return ERROR;
      if (typeof value === 'string') return typeof wanted === 'string' ? truthOf(value.includes(wanted)) : ERROR;
      return overMembers(value, typeof wanted, (elements) => elements.includes(wanted));
    };
  },
};

/** `contains_any`: at least one of the parts, or of the members. */
export const CONTAINS_ANY: OperatorRow = {
  fields: ['string', 'string_list', 'number_list', 'any'],
  check: membersFault,
  link: (literal, field) => {
    const wanted = literal as readonly Scalar[];
    const readable = readableAs(field);
    const members = new Set<Json>(wanted);
    const type = typeof wanted[0];
    return (value) => {
      if (!readable(value)) return ERROR;
      if (typeof value === 'string') return type === 'string' ? partsTruth(value, wanted, 'some') : ERROR;
      return overMembers(value, type, (elements) => elements.some((element) => members.has(element)));
    };
  },
};

/** `contains_all`: every one of the parts, or of the members. */
export const CONTAINS_ALL: OperatorRow = {
  fields: ['string', 'string_list', 'number_list', 'any'],
  check: membersFault,
  link: (literal, field) => {
    const wanted = literal as readonly Scalar[];
    const readable = readableAs(field);
    const type = typeof wanted[0];
    return (value) => {
      if (!readable(value)) return ERROR;
      if (typeof value === 'string') return type === 'string' ? partsTruth(value, wanted, 'every') : ERROR;
      return overMembers(value, type, (elements) => {
        const present = new Set(elements);
        return wanted.every((one) => present.has(one));
      });
    };
  },
};

/** `subset_of`: the list has no other members; the empty list is a subset of every list. */
export const SUBSET_OF: OperatorRow = {
  fields: ['string_list', 'number_list', 'any'],
  check: (literal, field) => elementsFault(literal, (element) => scalarFault(element, field)),
  link: (literal): Comparison => {
    const members = new Set<Json>(literal as readonly Scalar[]);
    const type = typeof (literal as readonly Scalar[])[0];
    return (value) => {
      if (!Array.isArray(value)) return ERROR;
      let result: Truth = TRUE;
      for (const element of value as readonly Json[]) {
        if (typeof element !== type) result = ERROR;
        else if (!members.has(element)) return FALSE;
      }
      return result;
    };
  },
};

/** A list with a member of another type may hide what is looked for there, so its absence cannot be claimed. */
function overMembers(value: Json, type: string, holds: (elements: readonly Json[]) => boolean): Truth {
  if (!Array.isArray(value)) return ERROR;
  const elements = value as readonly Json[];
  if (holds(elements)) return TRUE;
  return elements.every((element) => typeof element === type) ? FALSE : ERROR;
}

/** Whether a value can be asked of this field: a text where a list belongs has no members, and a list no parts. */
function readableAs({ type }: Field): (value: Json) => boolean {
  if (type === 'any') return (value) => typeof value === 'string' || Array.isArray(value);
  return type === 'string' ? (value) => typeof value === 'string' : Array.isArray;
}

function partsTruth(value: string, parts: readonly Scalar[], quantifier: 'some' | 'every'): Truth {
  return truthOf(parts[quantifier]((part) => value.includes(part as string)));
}

function memberFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  // A part of a text need not be one of the texts that the field can have.
  const { members: _members, ...part } = field;
  const type: FieldType = field.type === 'string_list' ? 'string' : field.type;
  const fault = scalarFault(literal, { ...part, type });
  return fault ?? (literal === '' ? partFault(literal) : undefined);
}

function membersFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  return elementsFault(literal, (element) => memberFault(element, field));
}
