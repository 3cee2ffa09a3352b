import { expect, test } from '@jest/globals';
import { createRegistry, SECONDS_BUCKETS } from './registry.js';

test('buckets have boundaries at the budgets', () => {
  expect(SECONDS_BUCKETS).toEqual([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]);
});

test('every combination of labels exists before its first event', async () => {
  const registry = createRegistry('portcullis_pdp', { service: 'pdp', version: '1' });
  registry.counter({
    name: 'decisions_total',
    help: 'd',
    labels: { effect: ['allow', 'deny'], cached: ['true', 'false'] },
  });
  registry.gauge({ name: 'breaker_state', help: 'b', labels: { state: ['open', 'closed'] } });
  registry.histogram({ name: 'stage_duration_seconds', help: 's', labels: { stage: ['context'] } });
  registry.counter({ name: 'plain_total', help: 'p' });
  const text = await registry.metrics();
  expect(text).toContain('portcullis_pdp_decisions_total{effect="allow",cached="true"} 0');
  expect(text).toContain('portcullis_pdp_decisions_total{effect="deny",cached="false"} 0');
  expect(text).toContain('portcullis_pdp_breaker_state{state="open"} 0');
  expect(text).toContain('portcullis_pdp_stage_duration_seconds_bucket{le="0.005",stage="context"} 0');
  expect(text).toContain('portcullis_pdp_plain_total 0');
});

test('counting goes up, process metrics are there, and registries are apart', async () => {
  const one = createRegistry('portcullis_one');
  const two = createRegistry('portcullis_one');
  const counter = one.counter({ name: 'x_total', help: 'x', labels: { outcome: ['ok'] } });
  counter.inc({ outcome: 'ok' });
  expect(await one.metrics()).toContain('portcullis_one_x_total{outcome="ok"} 1');
  expect(await two.metrics()).not.toContain('x_total');
  expect(await two.metrics()).toMatch(/process_resident_memory_bytes \d{7,}/);
  expect(await two.metrics()).toMatch(/process_cpu_seconds_total [\d.]+/);
  expect(await two.metrics()).toMatch(/nodejs_eventloop_utilization_ratio [\d.e-]+/);
});
