/** What the sidecar's PDP client costs by itself: asks over one stream to a PDP that evaluates nothing. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { credentials } from '@grpc/grpc-js';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { createLogger, systemClock } from '@portcullis/runtime';
import {
  type AnswerCache,
  createAnswerCache,
  createPolicyClient,
  type PolicyClient,
  pdpConfig,
} from '@portcullis/sidecar';
import type { Row } from './row.js';

/** How much to measure. */
export interface AskBenchOptions {
  /** Questions per case that are measured, after as many that are not. */
  readonly questions?: number;
  /** How many are kept in flight, one case each. */
  readonly inFlight?: readonly number[];
}

const BENCH = 'ask';
/** Distinct questions; the PDP of this benchmark makes each answer once. */
const DISTINCT = 512;

function question(n: number): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'agent-7', type: 'assistant', trust_level: 0.7 },
    tool: {
      name: 'read_file',
      operation: 'tools/call',
      server: 'filesystem',
      arguments: { path: `/srv/data/reports/2026/${n}.csv`, encoding: 'utf-8', limit: 4096 },
    },
    user: { id: 'u-1', email: 'user@example.com', role: 'analyst', team: 'finance' },
    context: {
      timestamp: '2026-11-21T10:00:00.000Z',
      request_id: `r-${n}`,
      environment: 'prod',
      session_id: 's-1',
      workspace_id: 'w-1',
    },
  };
}

/**
 * Decisions per second and latency, per number of questions in flight; then the same with a cache that serves all of them.
 * @throws Error when a question is not allowed: then the numbers would mean nothing
 */
export async function benchAsk(options: AskBenchOptions = {}): Promise<readonly Row[]> {
  const { questions = 30_000, inFlight = [1, 16, 64, 256] } = options;
  const worker = new Worker(new URL('echo-pdp.js', import.meta.url));
  const [port]: readonly unknown[] = await once(worker, 'message');
  const clientWith = (cache: AnswerCache | undefined): PolicyClient =>
    createPolicyClient({
      cache,
      // A machine that is busy with something else must not end the measurement; what it costs is in the latencies.
      config: pdpConfig.parse({ endpoints: [`127.0.0.1:${String(port)}`], deadlineMs: 900, hedgeAfterMs: 500 }),
      credentials: credentials.createInsecure(),
      log: createLogger({ component: 'bench', level: 'error' }),
    });
  const cached = clientWith(
    createAnswerCache({
      limits: { maxEntries: 1_000, maxBytes: 1_000_000 },
      clock: systemClock,
      newDecisionId: randomUUID,
      observer: { unstored: () => undefined },
    }),
  );
  const plain = clientWith(undefined);
  try {
    const rows: Row[] = [];
    while (!plain.ready || !cached.ready) await new Promise((resolve) => setImmediate(resolve));
    const cases = inFlight.flatMap((width) => [
      { client: plain, width, name: `${width} in flight` },
      { client: cached, width, name: `${width} in flight, cached` },
    ]);
    for (const { client, width, name } of cases) {
      await run(client, questions, width);
      const { seconds, cpuSeconds, latencies } = await run(client, questions, width);
      const at = (share: number): number =>
        latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
      const row = (metric: string, value: number, unit: string): Row => ({
        bench: BENCH,
        case: name,
        subject: 'portcullis',
        metric,
        value: Number(value.toPrecision(4)),
        unit,
      });
      rows.push(row('rate', questions / seconds, '1/s'), row('p50', at(0.5), 'ms'), row('p99', at(0.99), 'ms'));
      // What is left when the machine is shared: the time this thread computed, per question.
      rows.push(row('cpu', (cpuSeconds / questions) * 1e6, 'us'));
    }
    return rows;
  } finally {
    await Promise.all([plain.close(), cached.close()]);
    await worker.terminate();
  }
}

async function run(
  client: PolicyClient,
  questions: number,
  width: number,
): Promise<{ readonly seconds: number; readonly cpuSeconds: number; readonly latencies: Float64Array }> {
  const latencies = new Float64Array(questions);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < questions) {
      const n = next;
      next += 1;
      const askedAt = performance.now();
      const answer = await client.ask(question(n % DISTINCT));
      latencies[n] = performance.now() - askedAt;
      if (answer.kind !== 'decision') throw new Error(`question ${n}: ${answer.failure.code}`);
    }
  };
  const computed = process.threadCpuUsage();
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: width }, lane));
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.threadCpuUsage(computed);
  return { seconds, cpuSeconds: (user + system) / 1e6, latencies: latencies.sort() };
}
