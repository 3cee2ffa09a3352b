/**
 * The type chain of a decision: `Attempt -> NormalizedRequest -> IdentifiedRequest -> ContextualRequest ->
 * AssessedRequest -> Adjudicated -> Consented -> Reserved -> Decision`.
 *
 * A stage cannot be skipped, because only the stage before produces the type that the next one takes: each link carries
 * a private brand that one function mints. A new stage goes between two links by changing the input type of the later one.
 */

import type { ReadSet } from '@portcullis/policy';
import type { FoundRisk } from '@portcullis/policy/evidence';
import type {
  CanonicalRequest,
  Checked,
  DenyCode,
  DenyReason,
  ContextualRequest as RequestInContext,
  Verdict,
} from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';
import type { TraceFields } from '@portcullis/runtime/tracing';
import type { Need } from '../approvals/port.js';
import type { Snapshot } from './ports.js';

declare const NORMALIZED: unique symbol;
declare const IDENTIFIED: unique symbol;
declare const CONTEXTUAL: unique symbol;
declare const ASSESSED: unique symbol;
declare const ADJUDICATED: unique symbol;
declare const CONSENTED: unique symbol;
declare const RESERVED: unique symbol;

/** What an adapter (gRPC, later HTTP) received: who asks and what it could make of the bytes. Nothing of it is trusted. */
export interface Attempt {
  /** From the peer certificate, checked to be valid now. */
  readonly caller: PeerIdentity;
  /** The decoded request, or why the bytes are not one. */
  readonly subject: Checked<CanonicalRequest>;
  /** The SHA-256 that the caller computed over the request; `undefined` when it gave none. */
  readonly claimedDigest: Uint8Array | undefined;
  /** A token of the user for whom the agent acts, as received. Not a part of the request or of its digest; never kept. */
  readonly userToken?: string | undefined;
  /** Whether nothing is asked but whether a kill stops it; the answer is a denial in either case. */
  readonly onlyKills?: boolean;
  /** Where the question stands in a trace; no part of it. */
  readonly trace?: TraceFields | undefined;
  /** {@link Clock.monotonic} milliseconds after which nobody waits for the answer. */
  readonly deadline: number;
}

/** A request of the right shape, from a caller that may speak for its agent, with its recomputed digest. */
export interface NormalizedRequest {
  readonly [NORMALIZED]: true;
  readonly request: CanonicalRequest;
  /** Lower-case hex SHA-256 of the request's RFC 8785 bytes. */
  readonly digest: string;
}

/** A request whose `user`, if it has one, is one that somebody vouches for: a verified token, or a gateway that may. */
export interface IdentifiedRequest {
  readonly [IDENTIFIED]: true;
  readonly normalized: NormalizedRequest;
  /** What the caller sent, with the user that counts. */
  readonly request: CanonicalRequest;
}

/** A request together with what the caller did not say of it, and the release it is decided under. */
export interface ContextualRequest {
  readonly [CONTEXTUAL]: true;
  readonly normalized: NormalizedRequest;
  readonly snapshot: Snapshot;
  /** The request and the facts about it. */
  readonly request: RequestInContext;
}

/** A request together with everything that its evaluation reads: its risk is assessed, or not asked for. */
export interface AssessedRequest {
  readonly [ASSESSED]: true;
  readonly contextual: ContextualRequest;
  /** What is evaluated. */
  readonly request: RequestInContext;
  /** What the assessment came to; absent where none was asked for. */
  readonly risk?: FoundRisk;
}

/** A request and what the engine found. */
export interface Adjudicated {
  readonly [ADJUDICATED]: true;
  readonly assessed: AssessedRequest;
  readonly verdict: Verdict;
  /** What of the request it depends on; noted for bundles whose decisions may be kept. */
  readonly reads: ReadSet | undefined;
}

/** A verdict that holds whatever people say: a hold is one that nobody has agreed to yet. */
export interface Consented {
  readonly [CONSENTED]: true;
  readonly adjudicated: Adjudicated;
  readonly verdict: Verdict;
  /** What people have agreed to for this very attempt; it is used up. */
  readonly granted: readonly Need[];
  /** The approval that was; empty when there is none. */
  readonly used: string;
}

/** A verdict that holds whatever its quotas say: what they were asked for is drawn. */
export interface Reserved {
  readonly [RESERVED]: true;
  readonly consented: Consented;
  /** Final. */
  readonly verdict: Verdict;
  /** For a decision that will not be answered as the verdict says: what was drawn for it is given back. Never throws. */
  readonly giveBack: () => void;
}

/** What a stage yields: its link of the chain, or the reason that ends it. A denial is a value, never an exception. */
export type StageResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: DenyReason };

/** Continues the chain. */
export function next<T>(value: T): StageResult<T> {
  return { ok: true, value };
}

/** Ends the chain with a denial. `path` is a place in the request, or empty. */
export function denied(
  code: DenyCode,
  message: string,
  path = '',
): { readonly ok: false; readonly reason: DenyReason } {
  return { ok: false, reason: { code, message, path } };
}

/** The only mint of {@link NormalizedRequest}; called by `normalize.ts` alone. */
export function mintNormalized(link: Omit<NormalizedRequest, typeof NORMALIZED>): NormalizedRequest {
  return link as NormalizedRequest;
}

/** The only mint of {@link IdentifiedRequest}; called by `identify.ts` alone. */
export function mintIdentified(link: Omit<IdentifiedRequest, typeof IDENTIFIED>): IdentifiedRequest {
  return link as IdentifiedRequest;
}

/** The only mint of {@link ContextualRequest}; called by `context.ts`, and by `recall.ts` for what was decided before. */
export function mintContextual(link: Omit<ContextualRequest, typeof CONTEXTUAL>): ContextualRequest {
  return link as ContextualRequest;
}

/** The only mint of {@link AssessedRequest}; called by `risk.ts`, and by `recall.ts` for what was decided before. */
export function mintAssessed(link: Omit<AssessedRequest, typeof ASSESSED>): AssessedRequest {
  return link as AssessedRequest;
}

/** The only mint of {@link Adjudicated}; called by `adjudicate.ts`, and by `recall.ts` for what was decided before. */
export function mintAdjudicated(link: Omit<Adjudicated, typeof ADJUDICATED>): Adjudicated {
  return link as Adjudicated;
}

/** The only mint of {@link Consented}; called by `approve.ts` alone. */
export function mintConsented(link: Omit<Consented, typeof CONSENTED>): Consented {
  return link as Consented;
}

/** The only mint of {@link Reserved}; called by `reserve.ts` alone. */
export function mintReserved(link: Omit<Reserved, typeof RESERVED>): Reserved {
  return link as Reserved;
}
