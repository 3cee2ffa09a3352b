/**
 * Allows that a PDP let this sidecar keep (contracts §5, ADR-0017). Everything is dropped as soon as anything moves, or a
 * watch is interrupted; an answer is kept only if nothing did since its question was asked.
 */

import {
  attemptTargetOf,
  type CanonicalRequest,
  createKeptDecisions,
  type Decision,
  type KeptLimits,
} from '@portcullis/policy/model';
import { argumentsDigestHex, type ReuseReport, requestDigestHex, sameEpochs } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import type { AnswerCache, Given, Served } from '../ask/port.js';
import { userTokenOf } from '../behalf/user-token.js';
import { createElapsed } from './elapsed.js';
import { createKnownEpochs } from './known-epochs.js';

/** Why an answer is not kept. */
export const UNSTORED_REASONS = ['not_an_allow', 'unwatched', 'moved', 'older', 'ahead', 'size'] as const;
/** See {@link UNSTORED_REASONS}. */
export type UnstoredReason = (typeof UNSTORED_REASONS)[number];

/** Who counts what the cache does. */
export interface AnswerCacheObserver {
  unstored(reason: UnstoredReason): void;
}

/** What the cache needs. */
export interface AnswerCacheOptions {
  readonly limits: KeptLimits;
  readonly clock: Clock;
  /** Unique; a UUID. */
  readonly newDecisionId: () => string;
  readonly observer: AnswerCacheObserver;
}

/** Whatever a PDP says (contracts §13, P1). */
const MAX_TTL_MS = 30_000;

/** Starts empty, and with no PDP watched. */
export function createAnswerCache(options: AnswerCacheOptions): AnswerCache {
  const { observer } = options;
  const kept = createKeptDecisions<Decision>(options.limits);
  const known = createKnownEpochs();
  const elapsed = createElapsed(options.clock);
  let generation = 0;

  const drop = (): void => {
    generation += 1;
    kept.clear();
  };
  const refusal = ({ decision, epochs, endpoint, ticket }: Given): UnstoredReason | undefined => {
    if (!isPlainAllow(decision)) return 'not_an_allow';
    const report = known.of(endpoint);
    if (report === undefined) return 'unwatched';
    if (ticket.generation !== generation) return 'moved';
    if (known.overtook(epochs)) return 'older';
    // It knows of something that its watch has not told yet: then what is kept is not to be relied on either.
    const isSame = sameEpochs(epochs, report.epochs) && decision.meta.release_seq === epochs.release_seq;
    return isSame && decision.meta.bundle_digest === report.bundle_digest ? undefined : 'ahead';
  };

  return {
    find(request, digest) {
      // For whom a token vouches only a PDP knows, so no answer to a user is anybody's but this question's.
      if (!known.serves || kept.entries === 0 || userTokenOf(request) !== undefined) return undefined;
      const found = kept.find(request, elapsed());
      return found === undefined
        ? undefined
        : served(found.value, request, { decisionId: options.newDecisionId(), now: options.clock.now(), digest });
    },
    ticket: () => ({ generation, at: elapsed() }),
    store(given) {
      // Why not, the PDP counts.
      if (given.decision.cache.ttl_seconds <= 0 || userTokenOf(given.request) !== undefined) return;
      const reason = refusal(given);
      if (reason !== undefined) {
        if (reason === 'ahead') drop();
        observer.unstored(reason);
        return;
      }
      const { decision, request, ticket } = given;
      const isKept = kept.add({
        scope: decision.cache.scope,
        request,
        value: decision,
        bytes: 2 * JSON.stringify(decision).length,
        // From before it was sent: it may have been decided at any time since.
        expiresAt: ticket.at + Math.min(decision.cache.ttl_seconds * 1000, MAX_TTL_MS),
      });
      if (!isKept) observer.unstored('size');
    },
    watched(endpoint, report) {
      if (known.watched(endpoint, report)) drop();
    },
    unwatched(endpoint) {
      if (known.unwatched(endpoint)) drop();
    },
    get entries() {
      return kept.entries;
    },
  };
}

/** A denial or a hold is asked about each time, and so is what somebody must be told of. */
function isPlainAllow(decision: Decision): boolean {
  return (
    decision.allow &&
    decision.effect === 'allow' &&
    decision.deny.length === 0 &&
    decision.obligations.length === 0 &&
    decision.diagnostics.errors.length === 0 &&
    decision.meta.arm === 'stable'
  );
}

/**
 * The decision about this request that the kept one is: the only place where a decision is bound to a digest that no PDP
 * sent. It may be, because every field that the decision depends on reads the same in both requests. What comes over the
 * wire is refused long before unless it has the digest of its own question.
 * @throws Error when the request has no canonical form
 */
function served(
  kept: Decision,
  request: CanonicalRequest,
  {
    decisionId,
    now,
    digest,
  }: { readonly decisionId: string; readonly now: number; readonly digest: string | undefined },
): Served {
  const decision = {
    ...kept,
    decision_id: decisionId,
    request_digest: digest ?? requestDigestHex(request),
    meta: { ...kept.meta, evaluation_ms: 0, cached: true },
  };
  return { decision, reuse: reportOf(decision, kept.decision_id, request, now) };
}

function reportOf(
  { meta, decision_id, request_digest, matched }: Decision,
  reuseOf: string,
  request: CanonicalRequest,
  now: number,
): ReuseReport {
  const { server, name, operation, arguments: args } = request.tool ?? {};
  const target = attemptTargetOf(request);
  return {
    decision_id,
    reuse_of: reuseOf,
    request_digest,
    tenant_id: request.tenant_id,
    agent_id: request.agent.id,
    tool: {
      ...(server === undefined ? {} : { server }),
      ...(name === undefined ? {} : { name }),
      ...(operation === undefined ? {} : { operation }),
    },
    ...(target === undefined ? {} : { target }),
    ...(args === undefined ? {} : { arguments_digest: argumentsDigestHex(args) }),
    bundle_digest: meta.bundle_digest,
    policy_version: meta.policy_version,
    release_seq: meta.release_seq,
    matched,
    at: new Date(now).toISOString(),
  };
}
