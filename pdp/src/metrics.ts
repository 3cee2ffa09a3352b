/** The only file that names the PDP's metrics. It exports verbs, not instruments. */

import { DECISION_EFFECTS } from '@portcullis/policy/model';
import type { Registry } from '@portcullis/runtime';
import { RECORD_OUTCOMES } from './audit/evidence-log.js';
import { type AuditObserver, CHECKPOINT_OUTCOMES } from './audit/open-audit.js';
import type { ReleaseState } from './bundles/active.js';
import type { BundleObserver } from './bundles/bundle-client.js';
import { REFUSAL_REASONS } from './bundles/refusal.js';
import type { CacheObserver } from './cache/decision-cache.js';
import { UNKEPT_REASONS } from './cache/keepable.js';
import { HTTP_ROUTES, HTTP_STATUSES, type HttpObserver } from './http/http-observer.js';
import { type DecisionObserver, STAGES } from './pipeline/ports.js';
import { type QuotaObserver, RESERVATION_OUTCOMES, STORE_OPERATIONS } from './quota/port.js';
import { QUESTION_REFUSALS, SETTLEMENT_OUTCOMES, type ServerObserver, STREAM_KINDS } from './server/observer.js';

/** Everything that the PDP counts. */
export interface PdpMetrics
  extends DecisionObserver,
    BundleObserver,
    ServerObserver,
    HttpObserver,
    AuditObserver,
    QuotaObserver,
    CacheObserver {
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
  // Looked up once: these are on the path of every decision.
  const stageTimers = new Map(STAGES.map((stage) => [stage, stages.labels({ stage })] as const));
  const decided = new Map(
    DECISION_EFFECTS.flatMap((effect) =>
      BOOLEANS.map((cached) => [`${effect} ${cached}`, decisions.labels({ effect, cached })] as const),
    ),
  );

  return {
    stageTook: (stage, seconds) => stageTimers.get(stage)?.observe(seconds),
    decided: (effect, cached) => decided.get(`${effect} ${cached}`)?.inc(),
    activation: (outcome) => activations.inc({ outcome }),
    verifyFailed: (reason) => failures.inc({ reason }),
    settled: (outcome) => settlements.inc({ outcome }),
    streamOpened: (kind) => streams.inc({ kind }),
    streamClosed: (kind) => streams.dec({ kind }),
    records: (outcome, count) => records.inc({ outcome }, count),
    checkpoint: (outcome) => checkpoints.inc({ outcome }),
    reserved: (outcome, seconds) => {
      reservations.inc({ outcome });
      reserving.observe({ outcome }, seconds);
    },
    quotaStoreFailed: (operation) => storeFailures.inc({ operation }),
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
