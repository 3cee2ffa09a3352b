/** The port between enforcement and whoever answers: one question, one answer, never an exception. */

import type { AttemptTarget, CanonicalRequest, Decision, DenyCode, LayerNote, Source } from '@portcullis/policy/model';
import type { Epochs, ReportedResult, ReportedUsage, ReuseReport, WatchReport } from '@portcullis/proto';

/** Why nobody gave a usable answer. Each is a refusal. */
export type AskFailureCode = Extract<
  DenyCode,
  | 'PDP_UNAVAILABLE'
  | 'PDP_TIMEOUT'
  | 'PDP_BREAKER_OPEN'
  | 'PDP_REPLY_INVALID'
  | 'REQUEST_INVALID'
  | 'IDENTITY_REJECTED'
  | 'NO_VALID_BUNDLE'
  | 'AUDIT_UNAVAILABLE'
  | 'SHUTTING_DOWN'
  | 'INTERNAL_ERROR'
>;

/** A failure to get an answer, as a value. */
export interface AskFailure {
  readonly code: AskFailureCode;
  /** For operators: what happened, without payloads. */
  readonly message: string;
}

/** W3C Trace Context of the span that asks. */
export interface AskTrace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** What whoever asks knows already; no part of the question. */
export interface AskDetails {
  /** Where the question stands in a trace. */
  readonly trace?: AskTrace | undefined;
  /** Digest of the request in lower-case hex, where it was made before: it is looked at by a PDP, and by who checks its answer. */
  readonly digest?: string | undefined;
}

/** What asking yields. There is no third case, and none of them is "allow by default". */
export type Answer =
  | { readonly kind: 'decision'; readonly decision: Decision }
  | { readonly kind: 'failure'; readonly failure: AskFailure };

/** What became of an allowed attempt. */
export interface Settlement {
  readonly decision_id: string;
  readonly request_digest: string;
  readonly outcome: 'forwarded' | 'upstream_failed' | 'refused';
  /** Whole milliseconds from decision to end of the upstream's answer. */
  readonly duration_ms: number;
  /** What it used, as far as it was measured; of what is absent the estimate stands. */
  readonly usage?: ReportedUsage;
  /** What has searched what was carried out, where something was to be redacted. */
  readonly redaction?: LayerNote;
}

/** What became of an allowed attempt, and what it brought back. */
export interface ResultReport extends Settlement {
  readonly result: ReportedResult;
}

/** What an attempt was about, as far as it was read before it was refused. */
export interface RefusedTarget {
  /** An MCP server, another agent, a provider of models, or `host:port`. */
  readonly server?: string | undefined;
  /** A tool, a skill or a model. */
  readonly name?: string | undefined;
  /** A method of the protocol. */
  readonly operation?: string | undefined;
  /** The same by kind, where it is more than a tool. Within the bounds of a record. */
  readonly reached?: AttemptTarget | undefined;
}

/**
 * An attempt that was refused here and that no decision stands for. Names and codes; never the sentence that the agent is
 * told, which may quote what the agent sent.
 */
export interface RefusedAttempt {
  readonly source: Source;
  readonly code: DenyCode;
  /** A word out of a list of ours. */
  readonly reason: string | undefined;
  /** The HTTP status that says the same. */
  readonly status: number;
  readonly target: RefusedTarget;
  /** The decision that had allowed it, where there was one. */
  readonly decision_id?: string | undefined;
}

/** Asks the PDP cluster. */
export interface PolicyClient {
  /**
   * Asks for a decision on exactly this request. Resolves within the configured deadline plus scheduling, whatever
   * the PDPs do; never rejects. A `decision` answer echoes the digest of `request` (checked before it is returned).
   * What is kept is answered at once, without a promise; nothing is thrown.
   */
  ask(request: CanonicalRequest, details?: AskDetails): Answer | Promise<Answer>;
  /**
   * What stops a request that was allowed before: a denial of the kill switch, or that nobody could be asked; nothing
   * when it may go on. Nothing is evaluated for it, and nothing used up or drawn. Resolves and never rejects, as `ask`.
   */
  stops(request: CanonicalRequest): Promise<Answer | undefined>;
  /** Reports what became of an allowed attempt; queued, batched, never blocks, may be dropped under pressure (counted). */
  settle(settlement: Settlement): void;
  /**
   * Reports a result, at once and by itself. True when a PDP has taken it; false when none did in time. Never rejects.
   */
  report(report: ResultReport): Promise<boolean>;
  /** Puts a refused attempt on record; queued, counted together with others like it, never blocks, and never throws. */
  refused(attempt: RefusedAttempt): void;
  /** True once at least one PDP has completed a handshake and reported a release. */
  readonly ready: boolean;
  /** Stops asking, answers what is in flight with `SHUTTING_DOWN`, closes connections. */
  close(): Promise<void>;
}

/** An answer as a PDP gave it. */
export interface Given {
  readonly request: CanonicalRequest;
  readonly decision: Decision;
  /** What it was decided under. */
  readonly epochs: Epochs;
  /** Who gave it, `host:port` as configured. */
  readonly endpoint: string;
  /** From before it was asked for. */
  readonly ticket: Ticket;
}

/** A moment in the life of an {@link AnswerCache}. */
export interface Ticket {
  readonly generation: number;
  /** On the cache's own clock. */
  readonly at: number;
}

/** An allow that no PDP was asked for, and the report that is owed for it. */
export interface Served {
  readonly decision: Decision;
  readonly reuse: ReuseReport;
}

/** Keeps answers that may be kept. */
export interface AnswerCache {
  /**
   * The decision about exactly this request, if one that is kept stands for it.
   * @param digest of the request, where it was made before
   * @throws Error when it has no digest
   */
  find(request: CanonicalRequest, digest?: string): Served | undefined;
  ticket(): Ticket;
  /** Keeps an answer, if it may. */
  store(given: Given): void;
  /** A PDP said what is in force. */
  watched(endpoint: string, report: WatchReport): void;
  /** What a PDP said may be out of date, if only for a moment. */
  unwatched(endpoint: string): void;
  readonly entries: number;
}
