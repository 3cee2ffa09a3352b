/** What the pipeline needs from outside. Adapters implement these; the pipeline never imports an adapter. */

import type { Engine, ReadSet } from '@portcullis/policy';
import type {
  ApprovalEntry,
  DecisionEntry,
  EnforcementEntry,
  IntentEntry,
  KillEntry,
  NoticeEntry,
  RefusalEntry,
  ReleaseEntry,
  ReviewEntry,
} from '@portcullis/policy/evidence';
import type {
  AgentSubject,
  CacheHint,
  CanonicalRequest,
  ContextualRequest,
  Decision,
  DecisionEffect,
  DenyReason,
  Facts,
  IntentRisk,
  Obligation,
  RequestContext,
  ToolTarget,
  UserSubject,
  Verdict,
} from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';
import type { TraceFields } from '@portcullis/runtime/tracing';
import type { AskedReview } from '../reviews/review.js';

/** One release, ready to decide with. Immutable: a decision keeps the snapshot it began with until it is answered. */
export interface Snapshot {
  readonly engine: Engine;
  readonly releaseSeq: number;
  /** Lower-case hex SHA-256 of the bundle's exact bytes. */
  readonly bundleDigest: string;
  readonly policyVersion: string;
}

/** Where the current release comes from. */
export interface SnapshotSource {
  /** The snapshot to decide with at this instant, or why there is none; a comparison of numbers, never I/O. */
  current(): { readonly ok: true; readonly snapshot: Snapshot } | { readonly ok: false; readonly message: string };
}

/** What is written down about every decision before it is answered. Digests and names, never arguments. */
export type DecisionRecord = DecisionEntry;

/** Everything that a PDP's chain holds. */
export type AuditRecord =
  | DecisionRecord
  | ApprovalEntry
  | EnforcementEntry
  | IntentEntry
  | KillEntry
  | NoticeEntry
  | RefusalEntry
  | ReleaseEntry
  | ReviewEntry;

/** Where decision records go. */
export interface DecisionSink {
  /** Resolves once the record is kept as the sink's configuration promises; rejects when it could not be. */
  append(record: DecisionRecord): Promise<void>;
}

/** The stages by the names of their files; labels of a metric. */
export const STAGES = [
  'normalize',
  'identify',
  'context',
  'risk',
  'adjudicate',
  'approve',
  'reserve',
  'decide',
] as const;
/** A stage of the pipeline. */
export type StageName = (typeof STAGES)[number];

/** What asking a source can come to: an answer, a refusal to give one, or none in time. */
export const SOURCE_OUTCOMES = ['answered', 'failed', 'late'] as const;
/** See {@link SOURCE_OUTCOMES}. */
export type SourceOutcome = (typeof SOURCE_OUTCOMES)[number];

/** Who says which users are real (ADR-0012). */
export interface UserAuthority {
  /** Names of gateways that verify users themselves and whose word counts. */
  readonly assertedBy: ReadonlySet<string>;
  /**
   * The user whom a token names, for a request of `tenant`.
   * @throws PortcullisError for a token that is not accepted, and when that cannot be found out. Its message quotes nothing.
   */
  verify(token: string, tenant: string): UserSubject | Promise<UserSubject>;
}

/** Who is told about decisions for the sake of metrics. */
export interface DecisionObserver {
  stageTook(stage: StageName, seconds: number): void;
  /** What asking one source of context came to. */
  sourceAnswered(source: string, outcome: SourceOutcome, seconds: number): void;
  decided(effect: DecisionEffect, cached: boolean): void;
}

/** A decision that stands, as traces see it. */
export interface DecidedMoment {
  /** Where its question says that it stands in a trace; unchecked. */
  readonly trace: TraceFields | undefined;
  /** What was asked, once it was understood. */
  readonly request: CanonicalRequest | undefined;
  readonly decision: Decision;
  /** Microseconds per stage. */
  readonly timings: Readonly<Partial<Record<StageName, number>>>;
  /** Milliseconds from its beginning to now. */
  readonly tookMs: number;
  /** Epoch milliseconds. */
  readonly endedAt: number;
}

/** Told of every decision, for traces. */
export interface DecisionTracer {
  decided(moment: DecidedMoment): void;
}

/** What is asked about, as far as sources of context and of risk may know it. */
export interface Question {
  readonly caller: PeerIdentity;
  /** As the caller sent it, checked, with the user that counts. */
  readonly request: CanonicalRequest;
  /** Lower-case hex SHA-256 of the RFC 8785 bytes of the request as it was sent. */
  readonly digest: string;
  /** {@link Clock.monotonic} milliseconds. */
  readonly deadline: number;
}

/** What a source adds to a request. What it names replaces what the caller said; attributes are united by name. */
export interface Supplement {
  readonly agent?: Partial<AgentSubject>;
  readonly tool?: Partial<ToolTarget>;
  /** Only of a user that counts already: a source cannot make one up. */
  readonly user?: Omit<UserSubject, 'id'>;
  readonly context?: Partial<RequestContext>;
  readonly facts?: Facts;
  /** Fields that it should know and does not; whatever reads one is an error. */
  readonly unavailable?: readonly string[];
}

/** A source of context (a PIP). Asked only about bundles that read something it provides. */
export interface ContextSource {
  /** Label of metrics and logs. */
  readonly name: string;
  /** The fields it answers for, with all that is below them: `user`, `agent.trust_level`, `facts.history` … */
  readonly provides: readonly string[];
  /** Whether it can add anything under a release, asked once for each; always, when it does not say. */
  readonly speaksUnder?: (snapshot: Snapshot) => boolean;
  /**
   * Promises that what it answers is a function of these fields of the request and of what an epoch stands for: whenever
   * it would answer otherwise, that epoch moves, afterwards and at once. Not of who asks, nor of the time. Absent: no
   * such promise, and no decision that read one of its fields is kept.
   */
  readonly steady?: { readonly by: readonly string[] };
  /** Rejects, or is late, when it does not know: every field that it provides is then unavailable to the policies. */
  supplement(question: Question, snapshot: Snapshot): Supplement | Promise<Supplement>;
}

/** What operators have stopped, whatever policy says. */
export interface StopList {
  /** Why the request is stopped, or `undefined`. A look-up in memory, never I/O. */
  stops(request: CanonicalRequest): DenyReason | undefined;
}

/** Judges what a request is after, from the request and its context. */
export interface RiskAssessor {
  /** Fields that it looks at: a bundle that reads the risk reads these too, as far as sources of context go. */
  readonly reads: readonly string[];
  /** The whole `intent_risk` that policies see; rejects when it cannot be known. */
  assess(question: Question, request: ContextualRequest): IntentRisk | Promise<IntentRisk>;
}

/** What became of recording an attempt: what the PEP has to do besides, or why the attempt cannot be allowed. */
export type Recorded =
  | { readonly ok: true; readonly obligations: readonly Obligation[] }
  | { readonly ok: false; readonly message: string };

/** How an attempt was decided, as far as later decisions of its session depend on it. */
export interface RecordedOutcome {
  readonly effect: DecisionEffect;
  /** Whether people agreed to exactly this attempt, and it is allowed with that. */
  readonly isApproved: boolean;
}

/** Who has to know of an attempt before anybody acts on its decision, because later decisions are made of it. */
export interface AttemptRecorder {
  /** Whether it has to know of this one, decided under that release; at once. */
  records(question: Question, snapshot: Snapshot): boolean;
  /** Does not reject. An allow is not answered before this resolves, and is denied when it is late. */
  record(question: Question, snapshot: Snapshot, outcome: RecordedOutcome): Promise<Recorded>;
}

/** Who does something about a decision once it is answered. Must not throw; nobody waits. */
export interface DecisionFollower {
  /** Whether it wants to know at all; asked in the turn of the answer, so it must cost nothing. */
  follows(question: Question, decision: Decision): boolean;
  decided(question: Question, request: ContextualRequest, decision: Decision): void;
}

/** Who keeps what a decision wants somebody to look at afterwards. */
export interface ReviewIntake {
  /** Whether a decision is denied when its review is not kept. */
  readonly required: boolean;
  /** Whether it is kept. Does not reject. */
  accept(review: AskedReview): Promise<boolean>;
  /** The decision was denied after all. */
  withdraw(id: string): Promise<void>;
}

/** Who keeps what a decision wants somebody to be told of. */
export interface NoticeIntake {
  /**
   * Before the decision is on record, so that no kill comes in between; again when it became another one. `undefined` at once for
   * one that tells nobody. Resolves when it is kept or cannot be, and does not reject.
   */
  keep(request: ContextualRequest, decision: Decision): Promise<void> | undefined;
}

/** A verdict that was kept, and how it may be kept by whoever is answered with it. */
export interface Recalled {
  readonly verdict: Verdict;
  readonly cache: CacheHint;
}

/** One look for one question, made before anything else is read for it. */
export interface Look {
  readonly found: Recalled | undefined;
  /** Keeps what was decided instead, if it may be kept; answers how the caller may keep it. */
  keep(judged: { readonly request: ContextualRequest; readonly verdict: Verdict; readonly reads: ReadSet }): CacheHint;
}

/** Where decisions are kept. What it finds must be what the pipeline would decide, under this snapshot, now. */
export interface DecisionMemory {
  /** Nothing for a release whose bundle keeps nothing. Never throws. */
  look(question: Question, snapshot: Snapshot): Look | undefined;
}
