/**
 * The whole pipeline: the only place that names all stages, times each edge, keeps the deadline and turns whatever
 * happens into a decision. It never rejects and never answers "allow" by omission: a decision starts as a denial and
 * only an adjudicated verdict, recorded in time, replaces it.
 */

import { type Decision, type DenyReason, NOT_STOPPED } from '@portcullis/policy/model';
import { DIGEST_BYTES } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import type { HoldObserver } from '../approvals/book.js';
import type { QuotaObserver, QuotaStore } from '../quota/port.js';
import { adjudicate } from './adjudicate.js';
import { type ApproveParts, approve, type Held, unheld } from './approve.js';
import { byDeadline } from './by-deadline.js';
import { type Adjudicated, type Attempt, type Consented, next, type Reserved, type StageResult } from './chain.js';
import { type ContextParts, type Contextualize, createContextualize } from './context.js';
import { type Frame, fromVerdict, INTERNAL, microseconds, type Progress, recordOf, refusal } from './decision.js';
import { type IdentifyParts, identify } from './identify.js';
import { type NormalizeParts, normalize } from './normalize.js';
import { orderOutput } from './output.js';
import type {
  AttemptRecorder,
  DecisionFollower,
  DecisionObserver,
  DecisionRecord,
  DecisionSink,
  DecisionTracer,
  NoticeIntake,
  Question,
  ReviewIntake,
  RiskAssessor,
  StageName,
  StopList,
} from './ports.js';
import { type RecallParts, recall } from './recall.js';
import { remember } from './remember.js';
import { reserve, unguarded } from './reserve.js';
import { reviewOf } from './review.js';
import { assess } from './risk.js';

/** What the pipeline is made of. */
export interface DecideParts extends NormalizeParts, IdentifyParts, ContextParts, RecallParts, ApproveParts {
  /** Without one, `intent_risk` is what the caller says. */
  readonly assessor: RiskAssessor | undefined;
  readonly followers: readonly DecisionFollower[];
  /** Without one, sessions remember nothing. */
  readonly recorder?: AttemptRecorder | undefined;
  /** Keeps the reviews that decisions ask for; without one only the records name them. */
  readonly reviews?: ReviewIntake | undefined;
  /** Keeps the notices that decisions order; without one they end with the process. */
  readonly notices?: NoticeIntake | undefined;
  /** Asked before anything else about a request that is one. */
  readonly kills: StopList;
  /** Without one, decisions are not recorded. */
  readonly sink: DecisionSink | undefined;
  readonly observer: DecisionObserver & HoldObserver & Pick<QuotaObserver, 'reserved'>;
  /** Who keeps the accounts that quotas draw on. */
  readonly quotas: QuotaStore;
  /** Unique; a UUID. */
  readonly newDecisionId: () => string;
  /** What `meta.engine` says. */
  readonly engine: string;
  /** Without one there are no traces. */
  readonly tracer?: DecisionTracer | undefined;
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
    if (isUnstopped(decision)) return decision;
    parts.observer.decided(decision.effect, decision.meta.cached);
    tellFollowers(parts, progress, decision);
    if (parts.tracer !== undefined) trace(parts, parts.tracer, { attempt, progress, decision, startedAt });
    return decision;
  };
}

const UNSTOPPED: DenyReason = {
  code: 'NO_MATCHING_POLICY',
  message: 'nothing was asked but whether a kill stops it, and none does',
  path: '',
  reason_code: NOT_STOPPED,
};

/** Nothing was decided then that could be counted or put on record; the decision that allowed it has been. */
function isUnstopped({ deny }: Decision): boolean {
  return deny[0] === UNSTOPPED;
}

interface Stages extends DecideParts {
  readonly contextualize: Contextualize;
}

async function decideFrom(parts: Stages, attempt: Attempt, progress: Progress, startedAt: number): Promise<Decision> {
  const decisionId = parts.newDecisionId();
  let outcome: StageResult<Reserved>;
  try {
    const adjudicated = await runStages(parts, attempt, progress, startedAt);
    if (adjudicated.ok) progress.verdict = adjudicated.value.verdict;
    const consented = adjudicated.ok ? unheld(adjudicated.value) : undefined;
    const free = consented === undefined ? undefined : unguarded(consented);
    if (!adjudicated.ok) outcome = adjudicated;
    // Only people and quotas are worth a turn of the event loop.
    else if (free === undefined) outcome = await askAround(parts, adjudicated.value, attempt, decisionId, progress);
    else outcome = next(free);
  } catch (error) {
    parts.onDefect(PortcullisError.from(error));
    outcome = { ok: false, reason: INTERNAL };
  }
  const assembledAt = parts.clock.monotonic();
  const frame: Frame = { decisionId, progress, engine: parts.engine, evaluationMs: assembledAt - startedAt };
  const verdict = outcome.ok
    ? orderOutput(fromVerdict(frame, outcome.value.verdict), progress)
    : refusal(frame, outcome.reason);
  const isApproved = outcome.ok && outcome.value.consented.granted.length > 0;
  const remembered = remember(parts, verdict, { progress, isApproved }, attempt.deadline);
  const kept = remembered instanceof Promise ? await remembered : remembered;
  const asking = review(parts, kept, progress, attempt.deadline);
  const decision = (asking === undefined ? true : await asking) ? kept : refusal(frame, UNREVIEWED);
  if (asking !== undefined && !decision.allow) void parts.reviews?.withdraw(decisionId);
  if (outcome.ok && verdict.allow && !decision.allow) outcome.value.giveBack();
  const ordering = order(parts, decision, progress, attempt.deadline);
  if (ordering !== undefined) await ordering;
  if (parts.sink === undefined || isUnstopped(decision)) {
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
  if (outcome.ok && decision.allow) outcome.value.giveBack();
  if (asking !== undefined) void parts.reviews?.withdraw(decisionId);
  const refused = refusal(frame, failure);
  // What waits speaks of a decision that is not on record.
  if (ordering !== undefined) void order(parts, refused, progress, attempt.deadline);
  return refused;
}

/**
 * Nothing to wait for where nobody is told. A disk that does not answer takes half of the time that is left, and denies nothing by
 * itself: there is still time for the record.
 */
function order(
  parts: DecideParts,
  decision: Decision,
  { request }: Progress,
  deadline: number,
): Promise<unknown> | undefined {
  let kept: Promise<void> | undefined;
  shielded(parts, () => {
    kept = request === undefined ? undefined : parts.notices?.keep(request, decision);
  });
  return kept === undefined ? undefined : byDeadline(kept, (deadline - parts.clock.monotonic()) / 2);
}

const UNREVIEWED: DenyReason = {
  code: 'AUDIT_UNAVAILABLE',
  message: 'the review that a policy asks for could not be kept',
  path: '',
};

/** Whether the decision may stand; at once for one that asks for no review. */
function review(
  { reviews, clock }: DecideParts,
  decision: Decision,
  { request, digest }: Progress,
  deadline: number,
): Promise<boolean> | undefined {
  if (reviews === undefined || !decision.allow || request === undefined) return undefined;
  const asked = reviewOf(decision, request, digest);
  if (asked === undefined) return undefined;
  const accepted = reviews.accept(asked);
  if (!reviews.required) return Promise.resolve(true);
  return byDeadline(accepted, deadline - clock.monotonic()).then((isKept) => isKept === true);
}

/** Waits only for a user's token, and where a source of context or of risk does. */
async function runStages(
  parts: Stages,
  attempt: Attempt,
  progress: Progress,
  startedAt: number,
): Promise<StageResult<Adjudicated>> {
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

  const killed = parts.kills.stops(normalized.value.request);
  if (killed !== undefined) {
    const current = parts.snapshots.current();
    if (current.ok) progress.snapshot = current.snapshot;
    return { ok: false, reason: killed };
  }
  if (attempt.onlyKills === true) return { ok: false, reason: UNSTOPPED };

  const naming = identify(normalized.value, attempt, parts, attempt.deadline - edge);
  const identified = naming instanceof Promise ? await naming : naming;
  const afterIdentify = crossed('identify');
  if (!identified.ok) return identified;
  if (!afterIdentify) return { ok: false, reason: TIMED_OUT };

  const { digest } = normalized.value;
  const { request } = identified.value;
  const question: Question = { caller: attempt.caller, request, digest, deadline: attempt.deadline };
  progress.question = question;
  // Whoever keeps an answer knows the request as it was sent, and not for whom a token vouches.
  const recalled = attempt.userToken === undefined ? recall(parts, identified.value, question) : undefined;
  if (recalled?.adjudicated !== undefined) {
    const { assessed } = recalled.adjudicated;
    progress.snapshot = assessed.contextual.snapshot;
    progress.request = assessed.request;
    progress.recalled = true;
    if (recalled.look.found !== undefined) progress.cache = recalled.look.found.cache;
    return next(recalled.adjudicated);
  }
  const fetched = parts.contextualize(identified.value, question);
  const contextual = fetched instanceof Promise ? await fetched : fetched;
  const afterContext = crossed('context');
  if (!contextual.ok) return contextual;
  progress.snapshot = contextual.value.snapshot;
  if (!afterContext) return { ok: false, reason: TIMED_OUT };

  const judged = assess(contextual.value, question, parts.assessor, attempt.deadline - edge);
  const assessed = judged instanceof Promise ? await judged : judged;
  progress.request = assessed.request;
  if (assessed.risk !== undefined) progress.risk = assessed.risk;
  if (!crossed('risk')) return { ok: false, reason: TIMED_OUT };

  const adjudicated = adjudicate(assessed);
  if (recalled !== undefined && adjudicated.ok && adjudicated.value.reads !== undefined) {
    const { verdict, reads } = adjudicated.value;
    progress.cache = recalled.look.keep({ request: assessed.request, verdict, reads });
  }
  return crossed('adjudicate') ? adjudicated : { ok: false, reason: TIMED_OUT };
}

/** After the answer; nobody who asks waits for it. */
function tellFollowers(parts: DecideParts, { question, request }: Progress, decision: Decision): void {
  if (question === undefined || request === undefined) return;
  for (const follower of parts.followers) {
    shielded(parts, () => {
      if (!follower.follows(question, decision)) return;
      setImmediate(() => shielded(parts, () => follower.decided(question, request, decision)));
    });
  }
}

/** A span that fails is no reason to lose a decision. */
function trace(
  parts: DecideParts,
  tracer: DecisionTracer,
  {
    attempt,
    progress,
    decision,
    startedAt,
  }: {
    readonly attempt: Attempt;
    readonly progress: Progress;
    readonly decision: Decision;
    readonly startedAt: number;
  },
): void {
  shielded(parts, () =>
    tracer.decided({
      trace: attempt.trace,
      request: progress.normalized?.request,
      decision,
      timings: progress.timings,
      tookMs: parts.clock.monotonic() - startedAt,
      endedAt: parts.clock.now(),
    }),
  );
}

function shielded({ onDefect }: DecideParts, tell: () => void): void {
  try {
    tell();
  } catch (error) {
    onDefect(PortcullisError.from(error));
  }
}

/** A quota may hold what the rules allow, once people agreed to their holds; then it is asked about as they are. */
const MAX_ROUNDS = 3;

/** People, then quotas, until neither changes what the other was told. */
async function askAround(
  parts: DecideParts,
  adjudicated: Adjudicated,
  attempt: Attempt,
  decisionId: string,
  progress: Progress,
): Promise<StageResult<Reserved>> {
  let held: Held = { adjudicated, verdict: adjudicated.verdict, granted: [], used: '' };
  for (let round = 1; ; round += 1) {
    const consented = await approveTimed(parts, held, attempt, progress);
    if (!consented.ok) return consented;
    progress.verdict = consented.value.verdict;
    const free = unguarded(consented.value);
    if (free === undefined) progress.guards = consented.value.verdict.guards;
    const reserved = free === undefined ? await reserveTimed(parts, consented.value, attempt, decisionId) : next(free);
    if (!reserved.ok) return reserved;
    const { verdict } = reserved.value;
    if (verdict.effect !== 'hold' || consented.value.verdict.effect === 'hold' || round === MAX_ROUNDS) return reserved;
    held = { ...consented.value, verdict };
  }
}

async function approveTimed(
  parts: DecideParts,
  held: Held,
  attempt: Attempt,
  progress: Progress,
): Promise<StageResult<Consented>> {
  const link = held.verdict.effect === 'hold' ? undefined : unheld(held.adjudicated);
  if (link !== undefined) return next(link);
  const startedAt = parts.clock.monotonic();
  const consented = await approve(parts, held, attempt, (subject) => {
    progress.held = subject;
  });
  const now = parts.clock.monotonic();
  parts.observer.stageTook('approve', (now - startedAt) / 1000);
  progress.timings.approve = (progress.timings.approve ?? 0) + microseconds(now - startedAt);
  return consented.ok && now >= attempt.deadline ? { ok: false, reason: TIMED_OUT } : consented;
}

async function reserveTimed(
  parts: DecideParts,
  consented: Consented,
  attempt: Attempt,
  decisionId: string,
): Promise<StageResult<Reserved>> {
  const startedAt = parts.clock.monotonic();
  const reserved = await reserve(parts, consented, attempt, decisionId);
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
    let timer: NodeJS.Timeout | undefined;
    let isSettled = false;
    const settle = (failure: DenyReason | undefined): void => {
      isSettled = true;
      clearTimeout(timer);
      resolve(failure);
    };
    const watch = (): void => {
      if (!isSettled) timer = setTimeout(over, Math.max(0, deadline - parts.clock.monotonic()));
    };
    try {
      sink.append(entry).then(
        () => settle(undefined),
        () => settle(UNRECORDED),
      );
      // A sink that writes at the end of the turn has answered by then, and no timer is made.
      process.nextTick(() => queueMicrotask(watch));
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
