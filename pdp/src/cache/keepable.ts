/** Which decisions may be kept, and for which other requests they then stand (contracts §5, ADR-0017). Pure. */

import type { ReadSet } from '@portcullis/policy';
import { type ContextualRequest, overlapsAny, type Verdict, WHOLE_REQUEST, writeScope } from '@portcullis/policy/model';
import type { ContextSource } from '../pipeline/ports.js';

/** Why a decision is not kept. */
export const UNKEPT_REASONS = [
  'blocked',
  'error',
  'obligation',
  'quota',
  'whole_request',
  'clock',
  'approval',
  'risk',
  'history',
  'unavailable',
  'source',
  'scope',
  'moved',
  'size',
] as const;
/** See {@link UNKEPT_REASONS}. */
export type UnkeptReason = (typeof UNKEPT_REASONS)[number];

/** The verdict that may be kept, and everything that it was made from. */
export interface Judged {
  /** What was evaluated. */
  readonly request: ContextualRequest;
  readonly verdict: Verdict;
  readonly reads: ReadSet;
}

/** Where it was made. */
export interface Circumstances {
  /** All fields that some rule of the bundle reads. */
  readonly factsNeeded: readonly string[];
  readonly sources: readonly Pick<ContextSource, 'provides' | 'steady'>[];
  readonly assessesRisk: boolean;
}

/** The scope of a decision that may be kept. */
export type Keepable =
  | { readonly ok: true; readonly scope: string }
  | { readonly ok: false; readonly reason: UnkeptReason };

/** The engine itself asks for this one, for whatever request. */
const GRANTED = 'context.approval.granted';

/**
 * A bundle of whose decisions none is kept, because what happened before decides what happens next: a decision that is
 * served again is not made, and would be missing from what is counted and remembered.
 */
export function dependsOnHistory({ factsNeeded, assessesRisk }: Circumstances): 'history' | 'risk' | undefined {
  if (overlapsAny('facts', factsNeeded)) return 'history';
  return assessesRisk && overlapsAny('intent_risk', factsNeeded) ? 'risk' : undefined;
}

/** Whether this one may be kept. Every doubt is a no: what is not kept is decided anew. */
export function keepable({ request, verdict, reads }: Judged, circumstances: Circumstances): Keepable {
  const read = asRead(reads, request, circumstances.factsNeeded);
  const reason = dependsOnHistory(circumstances) ?? refusedVerdict(verdict) ?? refusedReads(read, request);
  if (reason !== undefined) return { ok: false, reason };
  const fields = new Set(reads);
  // Whoever claims to act for another user is asked who vouches for it, whatever policies read.
  fields.add('user');
  for (const { provides, steady } of circumstances.sources) {
    if (!provides.some((path) => overlapsAny(path, read))) continue;
    if (steady === undefined) return { ok: false, reason: 'source' };
    // What it answers is not in the request as it was sent; what it answers by, is.
    for (const path of steady.by) fields.add(path);
  }
  const scope = writeScope(fields);
  return scope === undefined ? { ok: false, reason: 'scope' } : { ok: true, scope };
}

function refusedVerdict(verdict: Verdict): UnkeptReason | undefined {
  if (verdict.errors.length > 0) return 'error';
  // A denial is cheap to repeat, and each one should be known where denials are counted; a hold has a life of its own.
  if (verdict.effect !== 'allow' || verdict.deny.length > 0) return 'blocked';
  if (verdict.guards.length > 0) return 'quota';
  // Somebody does something for each of these.
  return verdict.obligations.length > 0 ? 'obligation' : undefined;
}

function refusedReads(read: ReadSet, request: ContextualRequest): UnkeptReason | undefined {
  if (request.unavailable !== undefined) return 'unavailable';
  if (request.context.approval !== undefined) return 'approval';
  if (read.includes(WHOLE_REQUEST)) return 'whole_request';
  if (overlapsAny('context.timestamp', read)) return 'clock';
  return overlapsAny('intent_risk', read) ? 'risk' : undefined;
}

/**
 * The reads that count. Where no rule asks for what people agreed to, only holds look at it; an allow in which nothing was
 * agreed to has passed none, and agreeing to more would not change it.
 */
function asRead(reads: ReadSet, request: ContextualRequest, factsNeeded: readonly string[]): ReadSet {
  const isEnginesOwn = request.context.approval === undefined && !overlapsAny(GRANTED, factsNeeded);
  return isEnginesOwn ? reads.filter((path) => path !== GRANTED) : reads;
}
