import { GLOBAL_UNICAST_V6, SPECIAL_RANGES } from '../../kinds/special-addresses.js';
import { assertNever } from '../../model/exhaustive.js';
import type { Json, JsonObject } from '../../model/request.js';
import { ERROR, FALSE, TRUE, type Truth, truthOf } from '../truth.js';
import { canonicalHost, isAddressHost } from './host.js';
import { type Cidr, type Ip, inCidr, parseCidr, parseIp } from './ip.js';
import { elementsFault, valueFault } from './literal.js';
import { CIDR_MATCH } from './network.js';
import type { LiteralFault, OperatorRow } from './row.js';

/**
 * What is asked of a host, or of the addresses it was resolved to. A host name is not an address, so it is none of these.
 * `public`: it is an address that anybody may reach; of a list, it is not empty and all of them are.
 * `special`: it is an address that is not public, or neither an address nor a name; of a list, some of them is.
 * `within`: it is an address in one of the ranges; of a list, it is not empty and all of them are.
 * `outside`: it is not; of a list, some of them is not.
 * `touching`: it is an address in one of the ranges; of a list, some of them is.
 */
const QUESTIONS = ['public', 'special', 'within', 'outside', 'touching'] as const;
/** The literal of `addresses`. */
export interface AddressQuestion {
  readonly are: (typeof QUESTIONS)[number];
  /** For `within`, `outside` and `touching`. */
  readonly cidrs?: readonly string[];
}

/** `addresses`: what kind of addresses a connection leads to; see {@link AddressQuestion}. For `egress` policies. */
export const ADDRESSES: OperatorRow = {
  fields: ['string', 'string_list'],
  internal: true,
  check: questionFault,
  link: (literal, field) => {
    const question = literal as unknown as AddressQuestion;
    if (field.type === 'string') {
      const ask = linkHost(question);
      return (value) => (typeof value === 'string' ? truthOf(ask(value)) : ERROR);
    }
    const ask = linkList(question);
    return (value) => {
      const isList = Array.isArray(value) && value.every((address) => typeof address === 'string');
      return isList ? ask(value) : ERROR;
    };
  },
};

function linkHost({ are, cidrs = [] }: AddressQuestion): (host: string) => boolean {
  const isPublic = publicAddressTest();
  const ranges = cidrs.map(rangeOf);
  switch (are) {
    case 'public':
      return (host) => isPublic(bare(host));
    case 'special':
      return (host) => !isPublic(bare(host)) && !isName(host);
    case 'within':
    case 'touching':
      return (host) => isIn(parseIp(bare(host)), ranges);
    case 'outside':
      return (host) => !isIn(parseIp(bare(host)), ranges);
    default:
      return assertNever(are);
  }
}

function linkList({ are, cidrs = [] }: AddressQuestion): (addresses: readonly string[]) => Truth {
  const isPublic = publicAddressTest();
  const ranges = cidrs.map(rangeOf);
  const isWithin: AddressTest = (address) => isIn(parseIp(address), ranges);
  switch (are) {
    case 'public':
      return (addresses) => truthOf(addresses.length > 0 && addresses.every(isPublic));
    case 'special':
      return (addresses) => truthOf(!addresses.every(isPublic));
    case 'within':
      return (addresses) => truthOf(addresses.length > 0 && addresses.every(isWithin));
    case 'outside':
      return (addresses) => truthOf(!addresses.every(isWithin));
    case 'touching':
      return (addresses) => {
        if (addresses.some(isWithin)) return TRUE;
        // What cannot be read might be the address that is looked for.
        return addresses.some((address) => parseIp(address) === undefined) ? ERROR : FALSE;
      };
    default:
      return assertNever(are);
  }
}

type AddressTest = (address: string) => boolean;

/** Whether an address is one that anybody may reach; see {@link AddressQuestion}. Made once, asked often. */
export function publicAddressTest(): (address: string) => boolean {
  const special = SPECIAL_RANGES.map(({ cidr }) => rangeOf(cidr));
  const unicast = rangeOf(GLOBAL_UNICAST_V6);
  return (address) => {
    const ip = parseIp(address);
    // A zone is an interface of one machine, and an IPv4-mapped address nothing that is found on the internet.
    if (ip === undefined || address.includes('%') || (ip.family === 4 && address.includes(':'))) return false;
    return (ip.family === 4 || inCidr(ip, unicast)) && !isIn(ip, special);
  };
}

function isIn(ip: Ip | undefined, ranges: readonly Cidr[]): boolean {
  return ip !== undefined && ranges.some((range) => inCidr(ip, range));
}

function rangeOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new TypeError(`not a range: ${text}`);
  return cidr;
}

/** 127.1, 0x7f000001 and the like are no addresses here and would be ones to whoever connects: they are no names. */
function isName(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical !== undefined && !isAddressHost(canonical);
}

/** An IPv6 address in a URL stands in brackets. */
function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function questionFault(literal: Json | undefined): LiteralFault | undefined {
  const written = (typeof literal === 'object' ? literal : null) as JsonObject | null;
  const are = written?.['are'];
  if (!(QUESTIONS as readonly unknown[]).includes(are))
    return valueFault(`expected one of ${QUESTIONS.join(', ')}`, 'are');
  if (are === 'public' || are === 'special') return undefined;
  const fault = elementsFault(written?.['cidrs'], (cidr) => CIDR_MATCH.check(cidr, ANY_ADDRESS));
  return fault === undefined ? undefined : { ...fault, at: ['cidrs', ...fault.at] };
}

const ANY_ADDRESS = { path: 'egress.host', segments: ['egress', 'host'], type: 'string', sensitive: false } as const;
