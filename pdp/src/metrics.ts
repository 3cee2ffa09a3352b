/** The only file that names the PDP's metrics. It exports verbs, not instruments. */

import { DECISION_EFFECTS } from '@portcullis/policy/model';
import { deferred, type Registry, tally } from '@portcullis/runtime';
import { HOLD_OUTCOMES, type HoldObserver } from './approvals/book.js';
import { NOTICE_OUTCOMES } from './approvals/notices.js';
import type { ApprovalObserver } from './approvals/open-approvals.js';
import { APPROVAL_OPERATIONS } from './approvals/port.js';
import { RECORD_OUTCOMES } from './audit/evidence-log.js';
import { type AuditObserver, CHECKPOINT_OUTCOMES } from './audit/open-audit.js';
import type { RetentionObserver, ShippingLag } from './audit/shipping/open-shipping.js';
import { SHIPMENT_OUTCOMES, SHIPPING_ALARMS } from './audit/shipping/shipper.js';
import type { ReleaseState } from './bundles/active.js';
import type { BundleObserver } from './bundles/bundle-client.js';
import { REFUSAL_REASONS } from './bundles/refusal.js';
import type { CacheObserver } from './cache/decision-cache.js';
import { UNKEPT_REASONS } from './cache/keepable.js';
import { GATEWAY_SURFACES, type GatewayObserver } from './gateways/gateway-parts.js';
import { RULINGS } from './gateways/ruling.js';
import { HTTP_ROUTES, HTTP_STATUSES, type HttpObserver } from './http/http-observer.js';
import { KILL_OUTCOMES, KILL_PATHS, type KillObserver } from './kill/kill-switch.js';
import { type DecisionObserver, SOURCE_OUTCOMES, STAGES } from './pipeline/ports.js';
import type { WarningObserver } from './quota/ledger.js';
import { type QuotaObserver, RESERVATION_OUTCOMES, SETTLED_OUTCOMES, STORE_OPERATIONS } from './quota/port.js';
import { REVIEW_OUTCOMES, type ReviewObserver } from './reviews/reviews.js';
import {
  ASSESSMENT_OUTCOMES,
  OBSERVATION_OUTCOMES,
  OUTSIDE_OUTCOMES,
  type RiskObserver,
} from './risk/baselines/port.js';
import { QUESTION_REFUSALS, SETTLEMENT_OUTCOMES, type ServerObserver, STREAM_KINDS } from './server/observer.js';
import {
  SESSION_OPERATIONS,
  SESSION_READINGS,
  SESSION_RECORDS,
  SESSION_RESULTS,
  type SessionObserver,
} from './session/port.js';

/** Everything that the PDP counts. */
export interface PdpMetrics
  extends DecisionObserver,
    BundleObserver,
    ServerObserver,
    HttpObserver,
    GatewayObserver,
    AuditObserver,
    RetentionObserver,
    QuotaObserver,
    SessionObserver,
    HoldObserver,
    ApprovalObserver,
    ReviewObserver,
    KillObserver,
    WarningObserver,
    RiskObserver,
    CacheObserver {
  /** What the gauges of the kill switch read when scraped. */
  followKills(options: { readonly seq: () => number; readonly inForce: () => number }): void;
  /** What the gauges of evidence that waits to be shipped read when scraped. */
  followShipping(lag: () => Promise<ShippingLag>): void;
  /** What the gauge of kept decisions reads when scraped. */
  followCache(entries: () => number): void;
  /** What the gauges of the active release read when scraped. */
  followRelease(options: {
    readonly channel: string;
    readonly state: () => ReleaseState;
    readonly ageSeconds: () => number;
  }): void;
}

const LOOK_UP_OUTCOMES = ['hit', 'miss'] as const;
const BOOLEANS = ['true', 'false'] as const;

/** Registers the metrics; the registry's prefix is `portcullis_pdp`. */
export function createPdpMetrics(registry: Registry): PdpMetrics {
  const decisions = registry.counter({
    name: 'decisions_total',
    help: 'Decisions by effect and by whether they came from the cache.',
    labels: { effect: DECISION_EFFECTS, cached: BOOLEANS },
  });
  const stages = registry.histogram({
    name: 'stage_duration_seconds',
    help: 'Time spent in each stage of the pipeline in seconds.',
    labels: { stage: STAGES },
  });
  const sources = registry.histogram<'source' | 'outcome'>({
    name: 'context_source_duration_seconds',
    help: 'Time until a source of context had answered, had failed, or was waited for no longer, in seconds.',
    labels: { source: [], outcome: SOURCE_OUTCOMES },
  });
  const activations = registry.counter({
    name: 'bundle_activations_total',
    help: 'Releases that were put in force, restored from disk at start, or refused.',
    labels: { outcome: ['activated', 'restored', 'refused'] },
  });
  const failures = registry.counter({
    name: 'bundle_verify_failures_total',
    help: 'Looks at the channel that ended without a verified release in force, by reason.',
    labels: { reason: REFUSAL_REASONS },
  });
  const settlements = registry.counter({
    name: 'settlements_total',
    help: 'Reports of what became of decisions, by outcome; repeated ones count once.',
    labels: { outcome: SETTLEMENT_OUTCOMES },
  });
  const streams = registry.gauge({
    name: 'streams',
    help: 'Open streams.',
    labels: { kind: STREAM_KINDS },
  });
  const faults = registry.counter({
    name: 'questions_refused_total',
    help: 'Questions that were answered with a fault before they reached the pipeline.',
    labels: { reason: QUESTION_REFUSALS },
  });
  const httpAnswers = registry.counter({
    name: 'http_requests_total',
    help: 'Answers over HTTPS by route and status.',
    labels: { route: HTTP_ROUTES, status: HTTP_STATUSES },
  });
  const httpTimes = registry.histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the head of a request over HTTPS to the end of its answer, in seconds.',
    labels: { route: HTTP_ROUTES },
  });
  const gateways = registry.counter({
    name: 'gateway_requests_total',
    help: 'Questions of gateways by protocol and by how they ended.',
    labels: { surface: GATEWAY_SURFACES, outcome: RULINGS },
  });
  const records = registry.counter({
    name: 'audit_records_total',
    help: 'Decision records that were kept, that could not be and turned the decision into a denial, or were dropped.',
    labels: { outcome: RECORD_OUTCOMES },
  });
  const checkpoints = registry.counter({
    name: 'audit_checkpoints_total',
    help: 'Checkpoints of the audit chain that were signed and kept, or could not be.',
    labels: { outcome: CHECKPOINT_OUTCOMES },
  });
  const shipments = registry.counter({
    name: 'audit_shipments_total',
    help: 'Shipments of evidence: stored by the distributor, held in its memory, refused by it, or without a receipt.',
    labels: { outcome: SHIPMENT_OUTCOMES },
  });
  const notReceipts = registry.counter({
    name: 'audit_receipts_refused_total',
    help: 'Answers to shipments that were no receipt for them: forged, old, or of another.',
  });
  const shippingAlarms = registry.gauge({
    name: 'audit_ship_alarm',
    help: '1 while evidence cannot be shipped before somebody has looked, by reason.',
    labels: { reason: SHIPPING_ALARMS },
  });
  const segmentsRemoved = registry.counter({
    name: 'audit_segments_removed_total',
    help: 'Segments that were removed after the distributor had stored them.',
  });
  const killLists = registry.counter({
    name: 'kill_lists_total',
    help: 'Kill lists that were offered, by the way they came and by what became of them.',
    labels: { path: KILL_PATHS, outcome: KILL_OUTCOMES },
  });
  const reservations = registry.counter({
    name: 'quota_reservations_total',
    help: 'Requests that drew on quotas, by what their accounts said.',
    labels: { outcome: RESERVATION_OUTCOMES },
  });
  const reserving = registry.histogram({
    name: 'quota_reserve_duration_seconds',
    help: 'Time until the accounts of a request had answered, in seconds.',
    labels: { outcome: RESERVATION_OUTCOMES },
  });
  const storeFailures = registry.counter({
    name: 'quota_store_failures_total',
    help: 'Operations on the quota store that failed or took too long.',
    labels: { operation: STORE_OPERATIONS },
  });
  const quotaSettlements = registry.counter({
    name: 'quota_settlements_total',
    help: 'Reports of actual use, by what came of them. `overrun`: more than was reserved. `unknown`: late, or nothing was reserved.',
    labels: { outcome: SETTLED_OUTCOMES },
  });
  const sessionReads = registry.histogram({
    name: 'session_read_duration_seconds',
    help: 'Time until it was known what the session of a request has done, in seconds, by what was known.',
    labels: { outcome: SESSION_READINGS },
  });
  const sessionRecords = registry.histogram({
    name: 'session_record_duration_seconds',
    help: 'Time until an attempt was written into its session, in seconds, by how that ended.',
    labels: { outcome: SESSION_RECORDS },
  });
  const sessionResults = registry.counter({
    name: 'session_results_total',
    help: 'Results that PEPs reported, by what became of them; those that were not kept do not reach the agent.',
    labels: { outcome: SESSION_RESULTS },
  });
  const sessionFailures = registry.counter({
    name: 'session_store_failures_total',
    help: 'Operations on the session store that failed or took too long.',
    labels: { operation: SESSION_OPERATIONS },
  });
  const holds = registry.counter({
    name: 'holds_total',
    help: 'Held requests, by what people had said: asked anew, attached to what was asked, used up, covered by a grant …',
    labels: { outcome: HOLD_OUTCOMES },
  });
  const holding = registry.histogram({
    name: 'hold_duration_seconds',
    help: 'Time until it was known what people say about a held request, in seconds.',
    labels: { outcome: HOLD_OUTCOMES },
  });
  const approvalFailures = registry.counter({
    name: 'approval_store_failures_total',
    help: 'Operations on the approval store that failed or took too long.',
    labels: { operation: APPROVAL_OPERATIONS },
  });
  const reviews = registry.counter({
    name: 'reviews_total',
    help: 'Reviews that decisions asked for, by what became of them.',
    labels: { outcome: REVIEW_OUTCOMES },
  });
  const notices = registry.counter({
    name: 'approval_notices_total',
    help: 'Deliveries of notices to webhooks, by outcome; a notice may be retried several times.',
    labels: { outcome: NOTICE_OUTCOMES },
  });
  const quotaWarnings = registry.counter({
    name: 'quota_warnings_total',
    help: 'Warnings that a quota reached a share of its limit (`warn_at`), once per account, share and window.',
  });
  const assessments = registry.counter({
    name: 'risk_assessments_total',
    help: 'Assessments of risk by what they came to; unavailable ones make whatever reads the risk an error.',
    labels: { outcome: ASSESSMENT_OUTCOMES },
  });
  const observations = registry.counter({
    name: 'risk_observations_total',
    help: 'Decided attempts that the baselines of agents learned from, or could not.',
    labels: { outcome: OBSERVATION_OUTCOMES },
  });
  const outside = registry.histogram({
    name: 'risk_outside_duration_seconds',
    help: 'Time until an external analyser of risk had answered, or was given up, in seconds.',
    labels: { outcome: OUTSIDE_OUTCOMES },
  });
  const lookUps = registry.counter({
    name: 'decision_cache_lookups_total',
    help: 'Requests that were looked up among the decisions that are kept, by whether one served.',
    labels: { outcome: LOOK_UP_OUTCOMES },
  });
  const unkept = registry.counter({
    name: 'decision_cache_refusals_total',
    help: 'Decisions that were not kept though the bundle allows it, by reason.',
    labels: { reason: UNKEPT_REASONS },
  });
  // On the path of every decision: told in batches, or when somebody asks.
  const took = deferred(stages, STAGES, (stage) => stages.labels({ stage }));
  const decided = new Map(
    DECISION_EFFECTS.map((effect) => [
      effect,
      {
        true: tally((more) => decisions.inc({ effect, cached: 'true' }, more)),
        false: tally((more) => decisions.inc({ effect, cached: 'false' }, more)),
      },
    ]),
  );
  const recorded = new Map(
    RECORD_OUTCOMES.map((outcome) => [outcome, tally((more) => records.inc({ outcome }, more))]),
  );
  Object.assign(decisions, {
    collect: () => {
      for (const { true: kept, false: fresh } of decided.values()) {
        kept.tell();
        fresh.tell();
      }
    },
  });
  Object.assign(records, {
    collect: () => {
      for (const count of recorded.values()) count.tell();
    },
  });

  return {
    stageTook: took,
    sourceAnswered: (source, outcome, seconds) => sources.observe({ source, outcome }, seconds),
    decided: (effect, cached) => decided.get(effect)?.[`${cached}`].add(1),
    activation: (outcome) => activations.inc({ outcome }),
    verifyFailed: (reason) => failures.inc({ reason }),
    settled: (outcome) => settlements.inc({ outcome }),
    streamOpened: (kind) => streams.inc({ kind }),
    streamClosed: (kind) => streams.dec({ kind }),
    records: (outcome, count) => recorded.get(outcome)?.add(count),
    checkpoint: (outcome) => checkpoints.inc({ outcome }),
    shipped: (outcome) => shipments.inc({ outcome }),
    receiptRefused: () => notReceipts.inc(),
    alarm: (kind) => {
      for (const reason of SHIPPING_ALARMS) shippingAlarms.set({ reason }, reason === kind ? 1 : 0);
    },
    segmentsRemoved: (count) => segmentsRemoved.inc(count),
    followShipping: (lag) => {
      const records = registry.gauge({
        name: 'audit_lag_records',
        help: 'Records that the distributor does not have.',
      });
      const bytes = registry.gauge({
        name: 'audit_lag_bytes',
        help: 'Bytes of records that the distributor does not have.',
      });
      const seconds = registry.gauge({
        name: 'audit_lag_seconds',
        help: 'Age of the oldest record that the distributor does not have; 0 when it has all.',
      });
      // Each for itself: a scrape does not wait for one gauge to set another.
      Object.assign(records, { collect: async () => records.set((await lag()).records) });
      Object.assign(bytes, { collect: async () => bytes.set((await lag()).bytes) });
      Object.assign(seconds, { collect: async () => seconds.set((await lag()).seconds) });
    },
    killList: (path, outcome) => killLists.inc({ path, outcome }),
    reserved: (outcome, seconds) => {
      reservations.inc({ outcome });
      reserving.observe({ outcome }, seconds);
    },
    quotaWarned: () => quotaWarnings.inc(),
    quotaSettled: (outcome) => quotaSettlements.inc({ outcome }),
    quotaStoreFailed: (operation) => storeFailures.inc({ operation }),
    sessionRead: (outcome, seconds) => sessionReads.observe({ outcome }, seconds),
    sessionRecorded: (outcome, seconds) => sessionRecords.observe({ outcome }, seconds),
    sessionResult: (outcome) => sessionResults.inc({ outcome }),
    sessionStoreFailed: (operation) => sessionFailures.inc({ operation }),
    held: (outcome, seconds) => {
      holds.inc({ outcome });
      holding.observe({ outcome }, seconds);
    },
    approvalStoreFailed: (operation) => approvalFailures.inc({ operation }),
    review: (outcome) => reviews.inc({ outcome }),
    notice: (outcome) => notices.inc({ outcome }),
    riskAssessed: (outcome) => assessments.inc({ outcome }),
    riskObserved: (outcome) => observations.inc({ outcome }),
    riskOutside: (outcome, seconds) => outside.observe({ outcome }, seconds),
    gatewayRuled: (surface, outcome) => gateways.inc({ surface, outcome }),
    looked: (found) => lookUps.inc({ outcome: found ? 'hit' : 'miss' }),
    unkept: (reason) => unkept.inc({ reason }),
    followCache: (entries) => {
      const held = registry.gauge({ name: 'decision_cache_entries', help: 'Decisions that are kept.' });
      Object.assign(held, { collect: () => held.set(entries()) });
    },
    questionRefused: (reason) => faults.inc({ reason }),
    httpAnswered: (route, status, seconds) => {
      httpAnswers.inc({ route, status });
      httpTimes.observe({ route }, seconds);
    },
    followKills: ({ seq, inForce }) => {
      const newest = registry.gauge({ name: 'kill_list_seq', help: 'The seq of the newest kill list.' });
      Object.assign(newest, { collect: () => newest.set(seq()) });
      const stopped = registry.gauge({ name: 'kills', help: 'Kills on the newest list, expired ones included.' });
      Object.assign(stopped, { collect: () => stopped.set(inForce()) });
    },
    followRelease: ({ channel, state, ageSeconds }) => {
      const age = registry.gauge({
        name: 'bundle_age_seconds',
        help: 'Seconds since the newest sign of life of the release in force; NaN without one.',
      });
      Object.assign(age, {
        collect: () => age.set(ageSeconds()),
      });
      const info = registry.gauge<'digest' | 'channel'>({
        name: 'bundle_info',
        help: 'Always 1; the labels name the release in force.',
        labels: { digest: [], channel: [] },
      });
      Object.assign(info, {
        collect: () => {
          info.reset();
          const { bundleDigest } = state();
          if (bundleDigest !== '') info.set({ digest: bundleDigest, channel }, 1);
        },
      });
    },
  };
}
