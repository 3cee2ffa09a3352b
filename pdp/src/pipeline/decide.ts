/**
 * The whole pipeline: the only place that names all stages, times each edge, keeps the deadline and turns whatever
 * happens into a decision. It never rejects and never answers "allow" by omission: a decision starts as a denial and
 * only an adjudicated verdict, recorded in time, replaces it.
 */

import type { Decision, DenyReason, Verdict } from '@portcullis/policy/model';
import { argumentsDigestHex, DIGEST_BYTES } from '@portcullis/proto';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import type { QuotaObserver, QuotaStore } from '../quota/port.js';
import { adjudicate } from './adjudicate.js';
import {
  type Adjudicated,
  type Attempt,
  type NormalizedRequest,
  next,
  type Reserved,
  type StageResult,
} from './chain.js';
import { contextualize } from './context.js';
import { type NormalizeParts, normalize } from './normalize.js';
import type { DecisionObserver, DecisionRecord, DecisionSink, Snapshot, SnapshotSource, StageName } from './ports.js';
import { reserve, unguarded } from './reserve.js';

/** What the pipeline is made of. */
export interface DecideParts extends NormalizeParts {
  readonly snapshots: SnapshotSource;
  /** Without one, decisions are not recorded. */
  readonly sink: DecisionSink | undefined;
  readonly clock: Clock;
  readonly observer: DecisionObserver & Pick<QuotaObserver, 'reserved'>;
  /** Who keeps the accounts that quotas draw on. */
  readonly quotas: QuotaStore;
  /** Unique; a UUID. */
  readonly newDecisionId: () => string;
  /** What `meta.engine` says. */
  readonly engine: string;
  /** Told about defects; they are denied whether or not anyone listens. */
  readonly onDefect: (error: PortcullisError) => void;
}

/** Decides one attempt. Resolves by the attempt's deadline, whatever the sink does; never rejects. */
export type Decide = (attempt: Attempt) => Promise<Decision>;

/** How far an attempt came. The digest is the caller's own claim until the request could be read. */
interface Progress {
  digest: string;
  normalized: NormalizedRequest | undefined;
  snapshot: Snapshot | undefined;
  /** Microseconds per stage that was crossed. */
  readonly timings: Partial<Record<StageName, number>>;
}

const UNKNOWN_DIGEST = '0'.repeat(2 * DIGEST_BYTES);
const INTERNAL: DenyReason = { code: 'INTERNAL_ERROR', message: 'the decision failed inside the PDP', path: '' };
const TIMED_OUT: DenyReason = {
  code: 'PDP_TIMEOUT',
  message: 'the deadline passed before the decision was made',
  path: '',
};
const UNRECORDED: DenyReason = { code: 'AUDIT_UNAVAILABLE', message: 'the decision could not be recorded', path: '' };

/** Builds the pipeline. */
export function createDecide(parts: DecideParts): Decide {
  return async (attempt) => {
    const startedAt = parts.clock.monotonic();
    const decision = await decideFrom(parts, attempt, startedAt);
    parts.observer.decided(decision.effect, decision.meta.cached);
    return decision;
  };
}

async function decideFrom(parts: DecideParts, attempt: Attempt, startedAt: number): Promise<Decision> {
  const progress: Progress = { digest: claimOf(attempt), normalized: undefined, snapshot: undefined, timings: {} };
  const decisionId = parts.newDecisionId();
  let outcome: StageResult<Reserved>;
  try {
    const adjudicated = runStages(parts, attempt, progress, startedAt);
    const free = adjudicated.ok ? unguarded(adjudicated.value) : undefined;
    if (!adjudicated.ok) outcome = adjudicated;
    // Only a quota is worth a turn of the event loop.
    else if (free === undefined) outcome = await reserveTimed(parts, adjudicated.value, attempt, decisionId);
    else outcome = next(free);
  } catch (error) {
    parts.onDefect(PortcullisError.from(error));
    outcome = { ok: false, reason: INTERNAL };
  }
  const assembledAt = parts.clock.monotonic();
  const frame: Frame = { decisionId, progress, engine: parts.engine, evaluationMs: assembledAt - startedAt };
  const decision = outcome.ok ? fromVerdict(frame, outcome.value.verdict) : refusal(frame, outcome.reason);
  if (parts.sink === undefined) {
    parts.observer.stageTook('decide', (parts.clock.monotonic() - assembledAt) / 1000);
    return decision;
  }
  const failure = await record(
    parts,
    parts.sink,
    recordOf(decision, attempt, progress, parts.clock.now()),
    attempt.deadline,
  );
  parts.observer.stageTook('decide', (parts.clock.monotonic() - assembledAt) / 1000);
  if (failure === undefined) return decision;
  if (outcome.ok) outcome.value.giveBack();
  return refusal(frame, failure);
}

function runStages(
  parts: DecideParts,
  attempt: Attempt,
  progress: Progress,
  startedAt: number,
): StageResult<Adjudicated> {
  let edge = startedAt;
  /** Times the edge just crossed; true while there is still somebody waiting. */
  const crossed = (stage: StageName): boolean => {
    const now = parts.clock.monotonic();
    parts.observer.stageTook(stage, (now - edge) / 1000);
    progress.timings[stage] = microseconds(now - edge);
    edge = now;
    return now < attempt.deadline;
  };
  if (startedAt >= attempt.deadline) return { ok: false, reason: TIMED_OUT };

  const normalized = normalize(attempt, parts);
  const afterNormalize = crossed('normalize');
  if (!normalized.ok) return normalized;
  progress.normalized = normalized.value;
  progress.digest = normalized.value.digest;
  if (!afterNormalize) return { ok: false, reason: TIMED_OUT };

  const contextual = contextualize(normalized.value, parts.snapshots);
  const afterContext = crossed('context');
  if (!contextual.ok) return contextual;
  progress.snapshot = contextual.value.snapshot;
  if (!afterContext) return { ok: false, reason: TIMED_OUT };

  const adjudicated = adjudicate(contextual.value);
  return crossed('adjudicate') ? adjudicated : { ok: false, reason: TIMED_OUT };
}

async function reserveTimed(
  parts: DecideParts,
  adjudicated: Adjudicated,
  attempt: Attempt,
  decisionId: string,
): Promise<StageResult<Reserved>> {
  const startedAt = parts.clock.monotonic();
  const reserved = await reserve(parts, adjudicated, attempt, decisionId);
  const now = parts.clock.monotonic();
  parts.observer.stageTook('reserve', (now - startedAt) / 1000);
  if (!reserved.ok || now < attempt.deadline) return reserved;
  reserved.value.giveBack();
  return { ok: false, reason: TIMED_OUT };
}

/** Undefined once the record is kept; otherwise why the decision must not stand. */
function record(
  parts: DecideParts,
  sink: DecisionSink,
  entry: DecisionRecord,
  deadline: number,
): Promise<DenyReason | undefined> {
  return new Promise((resolve) => {
    // Timers run before finished writes are noticed. After a stall of our own process the record may be kept already, so
    // one turn is granted before it counts as late.
    const over = (): void => void setImmediate(() => resolve(TIMED_OUT));
    const timer = setTimeout(over, Math.max(0, deadline - parts.clock.monotonic()));
    const settle = (failure: DenyReason | undefined): void => {
      clearTimeout(timer);
      resolve(failure);
    };
    try {
      sink.append(entry).then(
        () => settle(undefined),
        () => settle(UNRECORDED),
      );
    } catch {
      settle(UNRECORDED);
    }
  });
}

interface Frame {
  readonly decisionId: string;
  readonly progress: Progress;
  readonly engine: string;
  readonly evaluationMs: number;
}

function fromVerdict(frame: Frame, verdict: Verdict): Decision {
  return {
    ...refusal(frame, INTERNAL),
    allow: verdict.effect === 'allow',
    effect: verdict.effect,
    deny: verdict.deny,
    conditions: verdict.conditions,
    obligations: verdict.obligations,
    matched: verdict.matched,
    diagnostics: { errors: verdict.errors },
  };
}

/** The denial that every decision is until something better is known. */
function refusal(frame: Frame, reason: DenyReason): Decision {
  const { snapshot } = frame.progress;
  return {
    decision_id: frame.decisionId,
    allow: false,
    effect: 'deny',
    deny: [reason],
    conditions: [],
    obligations: [],
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

// A refusal echoes what the caller claims, or the caller would read it as an answer to somebody else and lose the reason.
function claimOf(attempt: Attempt): string {
  const claimed = attempt.claimedDigest;
  return claimed?.byteLength === DIGEST_BYTES ? Buffer.from(claimed).toString('hex') : UNKNOWN_DIGEST;
}

function microseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}

function recordOf(decision: Decision, attempt: Attempt, progress: Progress, now: number): DecisionRecord {
  const request = progress.normalized?.request;
  const { caller } = attempt;
  const { server, name, operation, arguments: args } = request?.tool ?? {};
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
    // Cannot throw: the digest of the whole request, arguments included, was computed before.
    ...(args === undefined ? {} : { arguments_digest: argumentsDigestHex(args) }),
    bundle_digest: decision.meta.bundle_digest,
    policy_version: decision.meta.policy_version,
    release_seq: decision.meta.release_seq,
    matched: decision.matched.map(({ policy, layer, effect }) => ({ policy, layer, effect })),
    timings_us: { evaluation: microseconds(decision.meta.evaluation_ms), ...progress.timings },
    at: new Date(now).toISOString(),
  };
}
