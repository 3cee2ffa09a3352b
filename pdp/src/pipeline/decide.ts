/**
 * The whole pipeline: the only place that names all stages, times each edge, keeps the deadline and turns whatever
 * happens into a decision. It never rejects and never answers "allow" by omission: a decision starts as a denial and
 * only an adjudicated verdict, recorded in time, replaces it.
 */

import type { Decision, DenyReason } from '@portcullis/policy/model';
import { DIGEST_BYTES } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import type { QuotaObserver, QuotaStore } from '../quota/port.js';
import { adjudicate } from './adjudicate.js';
import {
  type Adjudicated,
  type AssessedRequest,
  type Attempt,
  type ContextualRequest,
  next,
  type Reserved,
  type StageResult,
} from './chain.js';
import { type ContextParts, type Contextualize, createContextualize } from './context.js';
import { type Frame, fromVerdict, INTERNAL, microseconds, type Progress, recordOf, refusal } from './decision.js';
import { type NormalizeParts, normalize } from './normalize.js';
import type {
  DecisionFollower,
  DecisionObserver,
  DecisionRecord,
  DecisionSink,
  Question,
  RiskAssessor,
  StageName,
} from './ports.js';
import { type RecallParts, recall } from './recall.js';
import { reserve, unguarded } from './reserve.js';
import { assess } from './risk.js';

/** What the pipeline is made of. */
export interface DecideParts extends NormalizeParts, ContextParts, RecallParts {
  /** Without one, `intent_risk` is what the caller says. */
  readonly assessor: RiskAssessor | undefined;
  readonly followers: readonly DecisionFollower[];
  /** Without one, decisions are not recorded. */
  readonly sink: DecisionSink | undefined;
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

const UNKNOWN_DIGEST = '0'.repeat(2 * DIGEST_BYTES);
const TIMED_OUT: DenyReason = {
  code: 'PDP_TIMEOUT',
  message: 'the deadline passed before the decision was made',
  path: '',
};
const UNRECORDED: DenyReason = { code: 'AUDIT_UNAVAILABLE', message: 'the decision could not be recorded', path: '' };

/** Builds the pipeline. */
export function createDecide(parts: DecideParts): Decide {
  const stages: Stages = { ...parts, contextualize: createContextualize(parts) };
  return async (attempt) => {
    const startedAt = parts.clock.monotonic();
    const progress: Progress = { digest: claimOf(attempt), timings: {} };
    const decision = await decideFrom(stages, attempt, progress, startedAt);
    parts.observer.decided(decision.effect, decision.meta.cached);
    if (parts.followers.length > 0) setImmediate(() => follow(parts, progress, decision));
    return decision;
  };
}

interface Stages extends DecideParts {
  readonly contextualize: Contextualize;
}

async function decideFrom(parts: Stages, attempt: Attempt, progress: Progress, startedAt: number): Promise<Decision> {
  const decisionId = parts.newDecisionId();
  let outcome: StageResult<Reserved>;
  try {
    const ran = runStages(parts, attempt, progress, startedAt);
    const adjudicated = ran instanceof Promise ? await ran : ran;
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

/** At once, unless a source of context or of risk has to be waited for. */
function runStages(
  parts: Stages,
  attempt: Attempt,
  progress: Progress,
  startedAt: number,
): StageResult<Adjudicated> | Promise<StageResult<Adjudicated>> {
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

  const { request, digest } = normalized.value;
  const question: Question = { caller: attempt.caller, request, digest, deadline: attempt.deadline };
  progress.question = question;
  const recalled = recall(parts, normalized.value, question);
  if (recalled?.adjudicated !== undefined) {
    const { assessed } = recalled.adjudicated;
    progress.snapshot = assessed.contextual.snapshot;
    progress.request = assessed.request;
    progress.recalled = true;
    if (recalled.look.found !== undefined) progress.cache = recalled.look.found.cache;
    return next(recalled.adjudicated);
  }

  const withContext = (contextual: StageResult<ContextualRequest>): ReturnType<typeof runStages> => {
    const isAwaited = crossed('context');
    if (!contextual.ok) return contextual;
    progress.snapshot = contextual.value.snapshot;
    if (!isAwaited) return { ok: false, reason: TIMED_OUT };
    return after(assess(contextual.value, question, parts.assessor, attempt.deadline - edge), withRisk);
  };
  const withRisk = (assessed: AssessedRequest): StageResult<Adjudicated> => {
    progress.request = assessed.request;
    if (!crossed('risk')) return { ok: false, reason: TIMED_OUT };
    const adjudicated = adjudicate(assessed);
    if (recalled !== undefined && adjudicated.ok && adjudicated.value.reads !== undefined) {
      const { verdict, reads } = adjudicated.value;
      progress.cache = recalled.look.keep({ request: assessed.request, verdict, reads });
    }
    return crossed('adjudicate') ? adjudicated : { ok: false, reason: TIMED_OUT };
  };
  return after(parts.contextualize(normalized.value, question), withContext);
}

/** Goes on with what is there, in this turn if it is there already. */
function after<T, R>(value: T | Promise<T>, goOn: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}

function follow({ followers, onDefect }: DecideParts, { question, request }: Progress, decision: Decision): void {
  if (question === undefined || request === undefined) return;
  for (const follower of followers) {
    try {
      follower.decided(question, request, decision);
    } catch (error) {
      onDefect(PortcullisError.from(error));
    }
  }
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

// A refusal echoes what the caller claims, or the caller would read it as an answer to somebody else and lose the reason.
function claimOf(attempt: Attempt): string {
  const claimed = attempt.claimedDigest;
  return claimed?.byteLength === DIGEST_BYTES ? Buffer.from(claimed).toString('hex') : UNKNOWN_DIGEST;
}
