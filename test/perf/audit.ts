/**
 * What recording costs a decision, per way to sync: one after the other, and 32 at once; on the disk of the temporary
 * folder. `off` is the same loop without a chain.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DecisionRecord, openAudit, pdpConfig } from '@portcullis/pdp';
import { createLogger, systemClock } from '@portcullis/runtime';
import type { Row } from './row.js';

/** How long to measure. */
export interface AuditBenchOptions {
  /** Milliseconds per case. */
  readonly budgetMs?: number;
}

const BENCH = 'audit';
const CASES = [
  ['off', undefined],
  ['none', { sync: 'none' }],
  ['interval', { sync: 'interval', intervalMs: 100 }],
  ['commit', { sync: 'commit' }],
] as const;

function recordNumber(number: number): DecisionRecord {
  return {
    decision_id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    request_digest: '5a'.repeat(32),
    effect: 'allow',
    deny: [],
    tenant: 'acme',
    agent: 'analyst',
    tool: { server: 'files', name: 'read', operation: 'tools/call' },
    arguments_digest: 'c3'.repeat(32),
    bundle_digest: '7e'.repeat(32),
    policy_version: '1.0.0',
    release_seq: 42,
    matched: [{ policy: 'readers-may-read', layer: 'tenant', effect: 'allow' }],
    timings_us: { evaluation: 131, normalize: 61, context: 1, adjudicate: 40 },
    at: '2026-11-22T12:00:00.000Z',
  };
}

/** Records per second and the time that one waits, per way to sync and number at once. */
export async function benchAudit(options: AuditBenchOptions = {}): Promise<readonly Row[]> {
  const { budgetMs = 3_000 } = options;
  const rows: Row[] = [];
  for (const [name, sync] of CASES) {
    for (const atOnce of [1, 32]) {
      rows.push(...(await measure(`${name} c${atOnce}`, sync, atOnce, budgetMs)));
    }
  }
  return rows;
}

async function measure(
  name: string,
  sync: (typeof CASES)[number][1],
  atOnce: number,
  budgetMs: number,
): Promise<readonly Row[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'portcullis-bench-audit-'));
  const audit =
    sync === undefined
      ? undefined
      : await openAudit({
          config: { ...pdpConfig.shape.audit.parse(sync), mode: 'required' },
          dataDir,
          owner: 'portcullis.test/pdp/bench',
          clock: systemClock,
          log: createLogger({ component: 'bench', level: 'silent' }),
          observer: { records: () => undefined, checkpoint: () => undefined },
        });
  const waits: number[] = [];
  let number = 0;
  const until = performance.now() + budgetMs;
  const caller = async (): Promise<void> => {
    while (performance.now() < until) {
      // As a server gets its questions: one turn of the event loop each.
      await new Promise((resolve) => setImmediate(resolve));
      const startedAt = performance.now();
      number += 1;
      await audit?.append(recordNumber(number));
      waits.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  await audit?.close();
  await rm(dataDir, { recursive: true, force: true });
  waits.sort((a, b) => a - b);
  const row = (metric: string, value: number, unit: string): Row => ({
    bench: BENCH,
    case: name,
    subject: 'portcullis',
    metric,
    value: Number(value.toPrecision(3)),
    unit,
  });
  const quantile = (share: number): number => (waits[Math.floor(waits.length * share)] ?? 0) * 1000;
  return [
    row('rps', (waits.length * 1000) / budgetMs, '1/s'),
    row('p50', quantile(0.5), 'µs'),
    row('p95', quantile(0.95), 'µs'),
    row('p99', quantile(0.99), 'µs'),
  ];
}
