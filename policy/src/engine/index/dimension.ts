/**
 * A dimension of the index is one field looked at in one way. What rules ask of it, and what a request has, both become
 * *keys*: 32-bit hashes. A rule's leaf can hold only if one of the leaf's keys is among those of the request's value.
 */

import type { Cidr, Ip } from '../../dsl/operators/ip.js';
import type { Necessary } from '../../dsl/operators/necessary.js';
import { combineHash, EMPTY_TEXT_HASH, extendHash, hashInts, hashText } from './hash.js';
import { findPostings, hasInt, type IntSet, type PostingTable } from './int-table.js';

/** How a dimension looks at its field. */
export type DimensionKind = 'equals' | 'prefixes' | 'domains' | 'cidrs';

/** Plain data, so that a worker can build it. */
export interface DimensionData {
  readonly field: string;
  readonly kind: DimensionKind;
  /** `equals` and `domains`: UTF-16 units of the longest text; a longer value is none of them. */
  readonly maxLength: number;
  /** `prefixes`: the lengths of prefixes; `cidrs`: IPv4 bits, or {@link V6_WIDTH} and IPv6 bits. Ascending. */
  readonly widths: readonly number[];
  /** The keys of all rules, where a value has several keys of its own of which most are nobody's. */
  readonly known: IntSet | undefined;
  /** When lists of keys are told apart as wholes: a list is then a key of its own. */
  readonly lists: ListedKeys | undefined;
}

/** Which lists a key is in, and which keys rules name by themselves. */
export interface ListedKeys {
  readonly of: PostingTable;
  readonly single: IntSet;
}

/** The value of a dimension cannot be told, so it must leave no rule out. */
export const OPEN = -1;
/** Keys that a request's value may have; with more its dimension is {@link OPEN}. */
export const MAX_ACTIVE_KEYS = 16;
/** Added to the length of an IPv6 range. */
export const V6_WIDTH = 1000;

/** What the keys of one leaf are made of. */
export interface LeafKeys {
  readonly kind: DimensionKind;
  readonly keys: readonly number[];
  /** The longest text. */
  readonly maxLength: number;
  readonly widths: readonly number[];
}

/** The keys of what a leaf needs. */
export function keysOf(necessary: Necessary): LeafKeys {
  if ('equals' in necessary) {
    const texts = necessary.equals;
    return { kind: 'equals', keys: texts.map(hashText), maxLength: longest(texts), widths: [] };
  }
  if ('prefixes' in necessary) {
    const texts = necessary.prefixes;
    return { kind: 'prefixes', keys: texts.map(hashText), maxLength: 0, widths: texts.map((text) => text.length) };
  }
  if ('domains' in necessary) {
    const keys = necessary.domains.map(({ host, below }) => hashInts(hashBackwards(host), below ? 1 : 0));
    return { kind: 'domains', keys, maxLength: longest(necessary.domains.map(({ host }) => host)), widths: [] };
  }
  const keys = necessary.cidrs.map((cidr) => cidrKey(cidr, cidr.bits));
  return { kind: 'cidrs', keys, maxLength: 0, widths: necessary.cidrs.map(widthOf) };
}

/** Parses values: `parseIp` and `canonicalHost`, or something that remembers what they said. */
export interface ValueParsers {
  readonly ipOf: (text: string) => Ip | undefined;
  readonly hostOf: (text: string) => string | undefined;
}

/** Writes the keys of a value from `at` on and returns how many there are, or {@link OPEN}. */
export type KeyWriter = (value: string, out: Int32Array, at: number) => number;

/** Binds a dimension. */
export function keyWriterOf(dimension: DimensionData, parsers: ValueParsers): KeyWriter {
  const writer = valueWriterOf(dimension, parsers);
  return dimension.lists === undefined ? writer : listWriter(writer, dimension.lists);
}

/** The key of a list; a list of one is its element. */
export function listKey(keys: readonly number[]): number {
  const [first] = keys;
  if (keys.length === 1 && first !== undefined) return first;
  return [...new Set(keys)].sort((a, b) => a - b).reduce(combineHash, EMPTY_TEXT_HASH);
}

/** Follows the keys of a value with those of the lists that they are in. */
function listWriter(writer: KeyWriter, { of, single }: ListedKeys): KeyWriter {
  const own = new Int32Array(MAX_ACTIVE_KEYS);
  return (value, out, at) => {
    const found = writer(value, own, 0);
    let count = 0;
    for (let index = 0; index < found; index += 1) {
      const key = own[index] as number;
      if (hasInt(single, key)) {
        if (count === MAX_ACTIVE_KEYS) return OPEN;
        out[at + count] = key;
        count += 1;
      }
      const offset = findPostings(of.slots, key);
      const end = offset === 0 ? 0 : offset + (of.postings[offset] as number);
      for (let list = offset + 1; list <= end; list += 1) {
        if (count === MAX_ACTIVE_KEYS) return OPEN;
        out[at + count] = of.postings[list] as number;
        count += 1;
      }
    }
    return found === OPEN ? OPEN : count;
  };
}

function valueWriterOf(dimension: DimensionData, { ipOf, hostOf }: ValueParsers): KeyWriter {
  switch (dimension.kind) {
    case 'equals':
      return (value, out, at) => {
        // A long value must not be hashed to the end only to equal nothing.
        if (value.length > dimension.maxLength) return 0;
        out[at] = hashText(value);
        return 1;
      };
    case 'prefixes':
      return prefixWriter(dimension);
    case 'domains':
      return domainWriter(dimension, hostOf);
    case 'cidrs':
      return cidrWriter(dimension, ipOf);
  }
}

function prefixWriter({ widths, known }: DimensionData): KeyWriter {
  return (value, out, at) => {
    let count = 0;
    let hash = EMPTY_TEXT_HASH;
    let done = 0;
    for (const width of widths) {
      if (width > value.length) break;
      for (; done < width; done += 1) hash = extendHash(hash, value.charCodeAt(done));
      if (known !== undefined && !hasInt(known, hash)) continue;
      if (count === MAX_ACTIVE_KEYS) return OPEN;
      out[at + count] = hash;
      count += 1;
    }
    return count;
  };
}

const DOT = 0x2e;

function domainWriter({ known, maxLength }: DimensionData, hostOf: ValueParsers['hostOf']): KeyWriter {
  return (value, out, at) => {
    const host = hostOf(value);
    if (host === undefined) return OPEN;
    let count = 0;
    let hash = EMPTY_TEXT_HASH;
    const first = Math.max(0, host.length - maxLength);
    for (let index = host.length - 1; index >= first - 1; index -= 1) {
      const whole = index < 0;
      if (whole || host.charCodeAt(index) === DOT) {
        const key = hashInts(hash, whole ? 0 : 1);
        if (known === undefined || hasInt(known, key)) {
          if (count === MAX_ACTIVE_KEYS) return OPEN;
          out[at + count] = key;
          count += 1;
        }
      }
      if (!whole) hash = extendHash(hash, host.charCodeAt(index));
    }
    return count;
  };
}

function cidrWriter({ widths, known }: DimensionData, ipOf: ValueParsers['ipOf']): KeyWriter {
  return (value, out, at) => {
    const ip = ipOf(value);
    if (ip === undefined) return OPEN;
    let count = 0;
    for (const width of widths) {
      const family = width < V6_WIDTH ? 4 : 6;
      if (family !== ip.family) continue;
      const key = cidrKey(ip, family === 4 ? width : width - V6_WIDTH);
      if (known !== undefined && !hasInt(known, key)) continue;
      if (count === MAX_ACTIVE_KEYS) return OPEN;
      out[at + count] = key;
      count += 1;
    }
    return count;
  };
}

const GROUP_BITS = 16;
const GROUP_MASK = 0xffff;

/** The first `bits` bits of an address; the family counts because a mapped address is its IPv4 one. */
function cidrKey(ip: Ip, bits: number): number {
  let hash = hashInts(ip.family, bits);
  for (let index = 0; index * GROUP_BITS < bits; index += 1) {
    const covered = Math.min(GROUP_BITS, bits - index * GROUP_BITS);
    hash = combineHash(hash, (ip.groups[index] ?? 0) & (GROUP_MASK << (GROUP_BITS - covered)));
  }
  return hash;
}

function widthOf(cidr: Cidr): number {
  return cidr.family === 4 ? cidr.bits : V6_WIDTH + cidr.bits;
}

function hashBackwards(text: string): number {
  let hash = EMPTY_TEXT_HASH;
  for (let index = text.length - 1; index >= 0; index -= 1) hash = extendHash(hash, text.charCodeAt(index));
  return hash;
}

function longest(texts: readonly string[]): number {
  return texts.reduce((length, text) => Math.max(length, text.length), 0);
}
