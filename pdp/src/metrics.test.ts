import { expect, test } from '@jest/globals';
import { createRegistry } from '@portcullis/runtime';
import { createPdpMetrics } from './metrics.js';

/** The lines of the scrape that are ours and not zero, without buckets. */
async function scrape(registry: ReturnType<typeof createRegistry>): Promise<string[]> {
  const text = await registry.metrics();
  return text
    .split('\n')
    .filter((line) => line.startsWith('portcullis_pdp_') && !/_bucket\{| 0$/.test(line))
    .sort();
}

test('every verb moves its own series', async () => {
  const registry = createRegistry('portcullis_pdp');
  const metrics = createPdpMetrics(registry);
  expect(await scrape(registry)).toEqual([]);
  metrics.decided('allow', false);
  metrics.stageTook('adjudicate', 0.25);
  metrics.activation('activated');
  metrics.verifyFailed('rollback');
  metrics.settled('forwarded');
  metrics.streamOpened('decide');
  metrics.streamOpened('watch');
  metrics.streamClosed('watch');
  metrics.reserved('granted', 0.5);
  metrics.quotaStoreFailed('settle');
  metrics.questionRefused('overload');
  metrics.httpAnswered('evaluate', '200', 0.25);
  metrics.followRelease({
    channel: 'default',
    state: () => ({ releaseSeq: 1, bundleDigest: 'ab', policyVersion: '1', freshness: 'fresh' }),
    ageSeconds: () => 3,
  });
  expect(await scrape(registry)).toEqual([
    'portcullis_pdp_bundle_activations_total{outcome="activated"} 1',
    'portcullis_pdp_bundle_age_seconds 3',
    'portcullis_pdp_bundle_info{digest="ab",channel="default"} 1',
    'portcullis_pdp_bundle_verify_failures_total{reason="rollback"} 1',
    'portcullis_pdp_decisions_total{effect="allow",cached="false"} 1',
    'portcullis_pdp_http_request_duration_seconds_count{route="evaluate"} 1',
    'portcullis_pdp_http_request_duration_seconds_sum{route="evaluate"} 0.25',
    'portcullis_pdp_http_requests_total{route="evaluate",status="200"} 1',
    'portcullis_pdp_questions_refused_total{reason="overload"} 1',
    'portcullis_pdp_quota_reservations_total{outcome="granted"} 1',
    'portcullis_pdp_quota_reserve_duration_seconds_count{outcome="granted"} 1',
    'portcullis_pdp_quota_reserve_duration_seconds_sum{outcome="granted"} 0.5',
    'portcullis_pdp_quota_store_failures_total{operation="settle"} 1',
    'portcullis_pdp_settlements_total{outcome="forwarded"} 1',
    'portcullis_pdp_stage_duration_seconds_count{stage="adjudicate"} 1',
    'portcullis_pdp_stage_duration_seconds_sum{stage="adjudicate"} 0.25',
    'portcullis_pdp_streams{kind="decide"} 1',
  ]);
});

test('what decisions count is whole, however much of it was told before somebody asked', async () => {
  const registry = createRegistry('portcullis_pdp');
  const metrics = createPdpMetrics(registry);
  for (let decision = 1; decision <= 1_000; decision += 1) {
    metrics.stageTook(decision % 2 === 0 ? 'normalize' : 'decide', 0.25);
    metrics.decided('deny', true);
    metrics.records('refused', 2);
    if (decision === 700) {
      // A batch is told between turns.
      await new Promise((resolve) => setImmediate(resolve));
      await registry.metrics();
    }
  }
  const lines = [
    'portcullis_pdp_audit_records_total{outcome="refused"} 2000',
    'portcullis_pdp_decisions_total{effect="deny",cached="true"} 1000',
    'portcullis_pdp_stage_duration_seconds_count{stage="decide"} 500',
    'portcullis_pdp_stage_duration_seconds_count{stage="normalize"} 500',
    'portcullis_pdp_stage_duration_seconds_sum{stage="decide"} 125',
    'portcullis_pdp_stage_duration_seconds_sum{stage="normalize"} 125',
  ];
  expect(await scrape(registry)).toEqual(lines);
  expect(await scrape(registry)).toEqual(lines);
});
