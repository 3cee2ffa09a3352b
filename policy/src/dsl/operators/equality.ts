import type { Json } from '../../model/request.js';
import type { Field } from '../fields.js';
import { ERROR, type Truth, truthOf } from '../truth.js';
import { compareInstants, type InstantRange, parseInstant, parseInstantRange } from './instant.js';
import { type Cidr, formatIp, parseCidr, parseIp } from './ip.js';
import { listFault, scalarFault } from './literal.js';
import type { Necessary } from './necessary.js';
import type { Comparison, OperatorRow, Scalar } from './row.js';

/** `equals`: the very value, never converted; times compare as instants and addresses by their bits. */
export const EQUALS: OperatorRow = {
  fields: ['string', 'number', 'boolean', 'datetime', 'ip', 'any'],
  check: scalarFault,
  link: (literal, field) => linkMembers([literal as Scalar], field),
  necessary: (literal, field) => necessaryOf([literal as Scalar], field),
};

/** `in`: equal to one of a list. */
export const IN: OperatorRow = {
  fields: ['string', 'number', 'boolean', 'datetime', 'ip', 'any'],
  check: listFault,
  link: (literal, field) => linkMembers(literal as readonly Scalar[], field),
  necessary: (literal, field) => necessaryOf(literal as readonly Scalar[], field),
};

function linkMembers(literals: readonly Scalar[], field: Field): Comparison {
  if (field.type === 'datetime') return linkInstants(literals as readonly string[]);
  if (field.type === 'ip') return linkAddresses(literals as readonly string[]);
  const [first] = literals;
  const type = typeof first;
  if (literals.length === 1) return (value) => (typeof value === type ? truthOf(value === first) : ERROR);
  const members = new Set<Json>(literals);
  return (value) => (typeof value === type ? truthOf(members.has(value)) : ERROR);
}

function linkInstants(literals: readonly string[]): Comparison {
  const ranges = literals.map(parseInstantRange).filter((range): range is InstantRange => range !== undefined);
  return (value): Truth => {
    const instant = typeof value === 'string' ? parseInstant(value) : undefined;
    if (instant === undefined) return ERROR;
    return truthOf(
      ranges.some(({ first, last }) => compareInstants(first, instant) <= 0 && compareInstants(instant, last) <= 0),
    );
  };
}

function linkAddresses(literals: readonly string[]): Comparison {
  const members = new Set(literals.map(spelled));
  return (value): Truth => {
    const ip = typeof value === 'string' ? spelled(value) : undefined;
    return ip === undefined ? ERROR : truthOf(members.has(ip));
  };
}

function spelled(text: string): string | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip);
}

function necessaryOf(literals: readonly Scalar[], field: Field): Necessary | undefined {
  if (field.type === 'datetime' || typeof literals[0] !== 'string') return undefined;
  if (field.type !== 'ip') return { equals: literals as readonly string[] };
  const cidrs = (literals as readonly string[]).map((text) => parseCidr(text.replace(/%.*$/, '')));
  return { cidrs: cidrs.filter((cidr): cidr is Cidr => cidr !== undefined) };
}
