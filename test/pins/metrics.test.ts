import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { registeredMetrics } from '../docs/metrics-page.js';
import { repositoryRoot } from '../support/root.js';

/** What dashboards and alerts name. Renaming a metric, or changing its labels, breaks them. */
const METRICS = {
  portcullis_pdp: [
    'counter portcullis_pdp_decisions_total{effect,cached}',
    'histogram portcullis_pdp_stage_duration_seconds{stage}',
    'histogram portcullis_pdp_context_source_duration_seconds{source,outcome}',
    'counter portcullis_pdp_bundle_activations_total{outcome}',
    'counter portcullis_pdp_bundle_verify_failures_total{reason}',
    'counter portcullis_pdp_settlements_total{outcome}',
    'gauge portcullis_pdp_streams{kind}',
    'counter portcullis_pdp_questions_refused_total{reason}',
    'counter portcullis_pdp_http_requests_total{route,status}',
    'histogram portcullis_pdp_http_request_duration_seconds{route}',
    'counter portcullis_pdp_gateway_requests_total{surface,outcome}',
    'counter portcullis_pdp_audit_records_total{outcome}',
    'counter portcullis_pdp_audit_checkpoints_total{outcome}',
    'counter portcullis_pdp_audit_shipments_total{outcome}',
    'counter portcullis_pdp_audit_receipts_refused_total{}',
    'gauge portcullis_pdp_audit_ship_alarm{reason}',
    'counter portcullis_pdp_audit_segments_removed_total{}',
    'counter portcullis_pdp_kill_lists_total{path,outcome}',
    'counter portcullis_pdp_quota_reservations_total{outcome}',
    'histogram portcullis_pdp_quota_reserve_duration_seconds{outcome}',
    'counter portcullis_pdp_quota_store_failures_total{operation}',
    'counter portcullis_pdp_quota_settlements_total{outcome}',
    'histogram portcullis_pdp_session_read_duration_seconds{outcome}',
    'histogram portcullis_pdp_session_record_duration_seconds{outcome}',
    'counter portcullis_pdp_session_results_total{outcome}',
    'counter portcullis_pdp_session_store_failures_total{operation}',
    'counter portcullis_pdp_holds_total{outcome}',
    'histogram portcullis_pdp_hold_duration_seconds{outcome}',
    'counter portcullis_pdp_approval_store_failures_total{operation}',
    'counter portcullis_pdp_reviews_total{outcome}',
    'counter portcullis_pdp_approval_notices_total{outcome}',
    'counter portcullis_pdp_quota_warnings_total{}',
    'counter portcullis_pdp_risk_assessments_total{outcome}',
    'counter portcullis_pdp_risk_observations_total{outcome}',
    'histogram portcullis_pdp_risk_outside_duration_seconds{outcome}',
    'counter portcullis_pdp_decision_cache_lookups_total{outcome}',
    'counter portcullis_pdp_decision_cache_refusals_total{reason}',
    'gauge portcullis_pdp_kill_list_seq{}',
    'gauge portcullis_pdp_kills{}',
    'gauge portcullis_pdp_bundle_age_seconds{}',
    'gauge portcullis_pdp_bundle_info{digest,channel}',
    'gauge portcullis_pdp_decision_cache_entries{}',
    'gauge portcullis_pdp_audit_lag_records{}',
    'gauge portcullis_pdp_audit_lag_bytes{}',
    'gauge portcullis_pdp_audit_lag_seconds{}',
  ],
  portcullis_sidecar: [
    'counter portcullis_sidecar_attempts_total{source,outcome}',
    'histogram portcullis_sidecar_attempt_duration_seconds{}',
    'histogram portcullis_sidecar_ask_duration_seconds{cached}',
    'counter portcullis_sidecar_failed_closed_total{reason}',
    'gauge portcullis_sidecar_breaker_state{state}',
    'counter portcullis_sidecar_hedges_total{}',
    'counter portcullis_sidecar_settlements_dropped_total{}',
    'gauge portcullis_sidecar_release_seq{}',
    'counter portcullis_sidecar_decision_cache_refusals_total{reason}',
    'counter portcullis_sidecar_reuses_lost_total{}',
    'counter portcullis_sidecar_refusals_unrecorded_total{}',
    'counter portcullis_sidecar_redacted_values_total{direction,kind}',
    'counter portcullis_sidecar_redaction_scanned_bytes_total{direction}',
    'histogram portcullis_sidecar_redaction_duration_seconds{direction}',
    'counter portcullis_sidecar_egress_connections_total{ending}',
    'counter portcullis_sidecar_egress_bytes_total{direction}',
    'counter portcullis_sidecar_llm_tokens_total{direction,counted}',
    'counter portcullis_sidecar_llm_tool_calls_total{outcome}',
    'counter portcullis_sidecar_llm_streams_cut_total{}',
    'counter portcullis_sidecar_tools_hidden_total{reason}',
    'counter portcullis_sidecar_combined_servers_missing_total{}',
    'counter portcullis_sidecar_combined_messages_dropped_total{}',
    'counter portcullis_sidecar_quarantined_calls_total{reason}',
    'gauge portcullis_sidecar_decision_cache_entries{}',
    'gauge portcullis_sidecar_held_calls_waiting{}',
  ],
  portcullis_distributor: [
    'counter portcullis_distributor_releases_total{outcome}',
    'counter portcullis_distributor_timestamps_total{outcome}',
    'counter portcullis_distributor_deliveries_total{transport,outcome}',
    'counter portcullis_distributor_channel_drifts_total{transport}',
    'counter portcullis_distributor_node_statuses_total{outcome}',
    'counter portcullis_distributor_store_questions_total{outcome}',
    'gauge portcullis_distributor_nodes{state}',
    'gauge portcullis_distributor_metadata_expiry_timestamp_seconds{role}',
    'counter portcullis_distributor_evidence_shipments_total{outcome}',
    'counter portcullis_distributor_evidence_records_total{}',
  ],
} as const;

/** Label values that alerts compare with. */
const VALUES = {
  'portcullis_pdp_decisions_total effect': 'allow deny hold',
  'portcullis_pdp_bundle_activations_total outcome': 'activated restored refused',
  'portcullis_pdp_bundle_verify_failures_total reason':
    'unavailable missing oversized expired rollback metadata release digest compile clock persist internal',
  'portcullis_pdp_audit_shipments_total outcome': 'stored held refused failed',
  'portcullis_pdp_audit_ship_alarm reason': 'mismatch ahead refused missing',
  'portcullis_distributor_evidence_shipments_total outcome': 'stored asked gap finding refused failed',
  'portcullis_sidecar_attempts_total outcome': 'forwarded upstream_failed denied held invalid failed_closed',
  'portcullis_sidecar_breaker_state state': 'closed open half_open shutdown',
  'portcullis_distributor_releases_total outcome': 'published unchanged refused conflict failed',
  'portcullis_distributor_nodes state': 'live lost',
} as const;

describe('metrics', () => {
  const registered = registeredMetrics();

  test('names and label sets', () => {
    const found = [...registered].map(([prefix, metrics]) => [
      prefix,
      metrics.map(({ kind, name, labels }) => `${kind} ${name}{${Object.keys(labels).join()}}`),
    ]);
    expect(Object.fromEntries(found)).toEqual(METRICS);
  });

  test.each(Object.entries(VALUES))('%s', (what, values) => {
    const [name, label = ''] = what.split(' ');
    const metric = [...registered.values()].flat().find((candidate) => candidate.name === name);
    expect(metric?.labels[label]?.join(' ')).toBe(values);
  });

  test('that papers name exist, with the labels and values that they name', () => {
    const known = new Map([...registered.values()].flat().map((metric) => [metric.name, metric.labels]));
    const root = repositoryRoot();
    const named = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).flatMap((paper) =>
      [...readFileSync(join(root, paper), 'utf8').matchAll(NAMED)].map(
        ([text, name = '', labels = '']) => [`${paper}: ${text}`, name, labels] as const,
      ),
    );
    expect(named.length).toBeGreaterThan(150);
    const strange = named.filter(([, name, labels]) => {
      const own = known.get(name);
      const pairs = labels.split(',').map((label) => label.trim().split('='));
      return own === undefined || (labels !== '' && !pairs.every(([label = '', value]) => has(own, label, value)));
    });
    expect(strange.map(([where]) => where)).toEqual([]);
  });
});

/** A whole name, and in braces labels with or without a value. */
const NAMED = /\b(portcullis_(?:pdp|sidecar|distributor)_[a-z_]*[a-z])(?![a-z_<])(?:\{([^}]*)\})?/g;

function has(labels: Readonly<Record<string, readonly string[]>>, label: string, value: string | undefined): boolean {
  const values = labels[label];
  if (values === undefined) return false;
  return value === undefined || values.length === 0 || values.includes(value.replaceAll('"', ''));
}
