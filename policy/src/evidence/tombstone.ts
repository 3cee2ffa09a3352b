/**
 * What stands in the place of a record whose text was erased (ADR-0021): its number, its hash, the hash before it, and why.
 * It holds nothing of the record. It is not sealed, so it is never taken for a record: readers have to ask for it.
 */

import { isCanonicalText } from '../bundle/canonical-text.js';
import type { Json, JsonObject } from '../model/request.js';

/** Why a text is gone; closed. */
export const TOMBSTONE_REASONS = [
  /** Somebody asked for it. */
  'erasure',
  /** Its time was over. */
  'retention',
] as const;
/** Why a text is gone. */
export type TombstoneReason = (typeof TOMBSTONE_REASONS)[number];

/** A place in a chain whose text was erased. */
export interface Tombstone {
  readonly kind: 'tombstone';
  readonly writer: string;
  readonly seq: number;
  /** The hash of the record before. */
  readonly prev: string;
  /** The hash of the record that was here. */
  readonly of: string;
  readonly reason: TombstoneReason;
  /** When the text was erased, RFC 3339, UTC. */
  readonly at: string;
}

const DIGEST = /^[0-9a-f]{64}$/;
const RFC3339_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;
const MEMBERS = 7;

/** Its line, in RFC 8785 form. */
export function tombstoneLine(tombstone: Omit<Tombstone, 'kind'>): string {
  const { at, of, prev, reason, seq, writer } = tombstone;
  return JSON.stringify({ at, kind: 'tombstone', of, prev, reason, seq, writer });
}

/** Reads a line as a tombstone; `undefined` for everything that is not exactly one. */
export function readTombstone(line: string): Tombstone | undefined {
  let value: Json;
  try {
    value = JSON.parse(line) as Json;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const record = value as JsonObject;
  const { at, kind, of, prev, reason, seq, writer } = record;
  const known = TOMBSTONE_REASONS.find((one) => one === reason);
  const isWhole =
    kind === 'tombstone' &&
    Object.keys(record).length === MEMBERS &&
    typeof writer === 'string' &&
    writer !== '' &&
    typeof seq === 'number' &&
    Number.isSafeInteger(seq) &&
    seq >= 1 &&
    isDigest(prev) &&
    isDigest(of) &&
    typeof at === 'string' &&
    RFC3339_UTC.test(at);
  if (!isWhole || known === undefined || !isCanonical(record, line)) return undefined;
  return { kind, writer, seq, prev, of, reason: known, at };
}

function isDigest(value: Json | undefined): value is string {
  return typeof value === 'string' && DIGEST.test(value);
}

function isCanonical(record: JsonObject, line: string): boolean {
  try {
    return isCanonicalText(record, line);
  } catch {
    return false;
  }
}
