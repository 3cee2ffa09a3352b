/** Turns how far an attempt came into the decision that is answered, and into the record of it. */

import type { ExpectedDraw, FoundRisk, HeldSubject } from '@portcullis/policy/evidence';
import {
  attemptTargetOf,
  type CacheHint,
  type ContextualRequest,
  type Decision,
  type DenyReason,
  lasting,
  type QuotaGuard,
  type Verdict,
} from '@portcullis/policy/model';
import { argumentsDigestHex } from '@portcullis/proto';
import type { Attempt, NormalizedRequest } from './chain.js';
import { type DecisionRecord, type Question, type Snapshot, STAGES, type StageName } from './ports.js';

/** How far an attempt came. The digest is the caller's own claim until the request could be read. */
export interface Progress {
  digest: string;
  normalized?: NormalizedRequest;
  question?: Question;
  snapshot?: Snapshot;
  /** What is evaluated, once it is complete. */
  request?: ContextualRequest;
  /** What its risk was found to be; absent where nobody was asked. */
  risk?: FoundRisk;
  /** What the rules said last. */
  verdict?: Verdict;
  /** How the answer may be kept; absent for not at all. */
  cache?: CacheHint;
  /** Whether it was decided before. */
  recalled?: boolean;
  /** The quotas that were asked last. */
  guards?: readonly QuotaGuard[];
  /** What people were asked about last. */
  held?: HeldSubject;
  /** Microseconds per stage that was crossed. */
  readonly timings: Partial<Record<StageName, number>>;
}

/** A defect inside the PDP. */
export const INTERNAL: DenyReason = { code: 'INTERNAL_ERROR', message: 'the decision failed inside the PDP', path: '' };

/** What every decision about one attempt says. */
export interface Frame {
  readonly decisionId: string;
  readonly progress: Progress;
  readonly engine: string;
  readonly evaluationMs: number;
}

/** The decision that an adjudicated verdict is. */
export function fromVerdict(frame: Frame, verdict: Verdict): Decision {
  const { cache, recalled = false } = frame.progress;
  const start = refusal(frame, INTERNAL);
  return {
    ...start,
    cache: cache ?? start.cache,
    meta: { ...start.meta, cached: recalled },
    allow: verdict.effect === 'allow',
    effect: verdict.effect,
    deny: verdict.deny,
    conditions: verdict.conditions,
    obligations: verdict.obligations,
    matched: verdict.matched,
    diagnostics: { errors: verdict.errors },
  };
}

/** The denial that every decision is until something better is known. Whom the rules notify is told of it as well. */
export function refusal(frame: Frame, reason: DenyReason): Decision {
  const { snapshot, verdict } = frame.progress;
  return {
    decision_id: frame.decisionId,
    allow: false,
    effect: 'deny',
    deny: [reason],
    conditions: [],
    obligations: lasting(verdict?.obligations ?? []),
    cache: { ttl_seconds: 0, scope: '' },
    matched: [],
    diagnostics: { errors: [] },
    meta: {
      policy_version: snapshot?.policyVersion ?? '',
      evaluation_ms: frame.evaluationMs,
      bundle_digest: snapshot?.bundleDigest ?? '',
      release_seq: snapshot?.releaseSeq ?? 0,
      arm: 'stable',
      engine: frame.engine,
      cached: false,
    },
    request_digest: frame.progress.digest,
  };
}

/** Whole microseconds. */
export function microseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}

/** What is written down about a decision. */
export function recordOf(decision: Decision, attempt: Attempt, progress: Progress, now: number): DecisionRecord {
  const request = progress.normalized?.request;
  const { caller } = attempt;
  const { server, name, operation, arguments: args } = request?.tool ?? {};
  const target = request === undefined ? undefined : attemptTargetOf(request);
  return {
    decision_id: decision.decision_id,
    request_digest: decision.request_digest,
    effect: decision.effect,
    deny: decision.deny.map((reason) => reason.code),
    tenant: request?.tenant_id ?? (caller.kind === 'agent' ? caller.tenant : ''),
    agent: request?.agent.id ?? (caller.kind === 'agent' ? caller.agent : ''),
    tool: {
      ...(server === undefined ? {} : { server }),
      ...(name === undefined ? {} : { name }),
      ...(operation === undefined ? {} : { operation }),
    },
    ...(target === undefined ? {} : { target }),
    ...(progress.risk === undefined ? {} : { risk: progress.risk }),
    // Cannot throw: the digest of the whole request, arguments included, was computed before.
    ...(args === undefined ? {} : { arguments_digest: argumentsDigestHex(args) }),
    bundle_digest: decision.meta.bundle_digest,
    policy_version: decision.meta.policy_version,
    release_seq: decision.meta.release_seq,
    matched: decision.matched.map(({ policy, layer, effect }) => ({ policy, layer, effect })),
    ...(progress.guards === undefined ? {} : { quotas: progress.guards.map(drawOf) }),
    ...(progress.held === undefined ? {} : { held: progress.held }),
    timings_us: timingsOf(decision, progress),
    at: new Date(now).toISOString(),
  };
}

const TIMED = [...STAGES, 'evaluation' as const].sort();

/** In the order in which the record has them. */
function timingsOf({ meta }: Decision, { timings }: Progress): DecisionRecord['timings_us'] {
  const sorted: Partial<Record<(typeof TIMED)[number], number>> = {};
  for (const name of TIMED) {
    const took = name === 'evaluation' ? microseconds(meta.evaluation_ms) : timings[name];
    if (took !== undefined) sorted[name] = took;
  }
  return sorted as DecisionRecord['timings_us'];
}

function drawOf({ id, kind, estimate, basis, currency }: QuotaGuard): ExpectedDraw {
  return {
    quota: id,
    kind,
    expected: estimate,
    ...(basis === undefined ? {} : { basis }),
    ...(currency === undefined ? {} : { currency }),
  };
}
