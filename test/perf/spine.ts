/**
 * The spine from end to end, in real processes with mutual TLS: decisions per second and their latency at the PDP, what
 * the sidecar adds to a tool call, how long a release takes to be enforced, memory and start time.
 */
import { Client as GrpcClient, type ServiceError } from '@grpc/grpc-js';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { loadDecisionService, requestDigest, toWireRequest } from '@portcullis/proto';
import { createLogger, openTlsMaterial, type TlsFiles } from '@portcullis/runtime';
import { createPolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.js';
import { keptFor, type PolicySource, type PolicyText, policySource } from '../support/policy-source.js';
import { rssMb } from '../support/process-figures.js';
import { startRecordingUpstream } from '../support/recording-upstream.js';
import { AGENT, type Stack, startStack, TRUST_DOMAIN } from '../support/stack.js';
import { platformPolicies } from './platform-policies.js';
import type { Row } from './row.js';
import { median, quantile, rounded } from './statistics.js';

const BENCH = 'spine';
/** Runs per figure; the median is reported. */
const RUNS = 3;

const row = (name: string, metric: string, value: number, unit: string, subject = 'portcullis'): Row => ({
  bench: BENCH,
  case: name,
  subject,
  metric,
  value: rounded(value),
  unit,
});

/** Such policies, and the one that lets the calls of the sidecar through. */
function manyPolicies(version: string, count: number): PolicySource {
  const session: PolicyText = {
    name: 'Sessions and tools of the recording upstream',
    when: { field: 'tool.server', operator: 'equals', value: 'upstream' },
    effect: { type: 'allow' },
    priority: 100,
  };
  return policySource(version, [session, ...platformPolicies(count)]);
}

function question(index: number, policies: number): CanonicalRequest {
  const target = index % policies;
  return {
    version: '1.0',
    tenant_id: AGENT.tenant,
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: AGENT.agent, trust_level: 0.7 },
    tool: {
      server: `server-${target % 20}`,
      name: `tool-${target}`,
      operation: 'tools/call',
      arguments: {
        path: `/srv/data/reports/2026/${index}.csv`,
        encoding: 'utf-8',
        limit: 4096,
        nested: { a: [1, 2, 3] },
      },
    },
    context: { timestamp: new Date().toISOString(), request_id: `bench-${index}`, environment: 'prod' },
  };
}

interface Load {
  readonly seconds: number;
  readonly latencies: readonly number[];
}

async function drive(count: number, width: number, ask: (index: number) => Promise<void>): Promise<Load> {
  const latencies: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const begun = performance.now();
      await ask(index);
      latencies.push(performance.now() - begun);
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: width }, lane));
  return { seconds: (performance.now() - begun) / 1000, latencies };
}

async function measured(
  name: string,
  count: number,
  width: number,
  ask: (index: number) => Promise<void>,
): Promise<Row[]> {
  await drive(count, width, ask);
  const loads: Load[] = [];
  for (let run = 0; run < RUNS; run += 1) loads.push(await drive(count, width, ask));
  return [
    row(name, 'rps', median(loads.map(({ seconds }) => count / seconds)), '1/s'),
    row(name, 'p50_ms', median(loads.map(({ latencies }) => quantile(latencies, 0.5))), 'ms'),
    row(name, 'p95_ms', median(loads.map(({ latencies }) => quantile(latencies, 0.95))), 'ms'),
    row(name, 'p99_ms', median(loads.map(({ latencies }) => quantile(latencies, 0.99))), 'ms'),
  ];
}

async function streamDecisions(stack: Stack, tls: TlsFiles, policies: number): Promise<Row[]> {
  const log = createLogger({ component: 'bench', level: 'silent' });
  const material = await openTlsMaterial(tls, { log });
  const [pdp] = stack.pdps;
  if (pdp === undefined) throw new Error('no PDP');
  const client = createPolicyClient({
    // A saturated machine would open the breaker at 50 ms; here the question is how fast, not whether in time.
    config: pdpConfig.parse({ endpoints: [pdp.endpoint], deadlineMs: 900, hedgeAfterMs: 800 }),
    credentials: pdpCredentials(material, TRUST_DOMAIN),
    log,
  });
  const ask = async (index: number): Promise<void> => {
    const answer = await client.ask(question(index, policies));
    if (answer.kind !== 'decision' || !answer.decision.allow) throw new Error(`not allowed: ${JSON.stringify(answer)}`);
  };
  try {
    await eventually('the client to be ready', () => client.ready);
    return [
      ...(await measured(`stream ${policies} policies, alone`, 3000, 1, ask)),
      ...(await measured(`stream ${policies} policies, 64 in flight`, 30_000, 64, ask)),
      ...(await measured(`stream ${policies} policies, 256 in flight`, 30_000, 256, ask)),
    ];
  } finally {
    await client.close();
    material.close();
  }
}

async function unaryDecisions(stack: Stack, tls: TlsFiles, policies: number): Promise<Row[]> {
  const material = await openTlsMaterial(tls, { log: createLogger({ component: 'bench', level: 'silent' }) });
  const [pdp] = stack.pdps;
  if (pdp === undefined) throw new Error('no PDP');
  const grpc = new GrpcClient(pdp.endpoint, pdpCredentials(material, TRUST_DOMAIN));
  const { Evaluate } = loadDecisionService();
  const ask = (index: number): Promise<void> => {
    const asked = question(index, policies);
    const body = { request: toWireRequest(asked), request_digest: requestDigest(asked) };
    return new Promise((resolve, reject) => {
      grpc.makeUnaryRequest(
        Evaluate.path,
        Evaluate.requestSerialize,
        Evaluate.responseDeserialize,
        body,
        { deadline: Date.now() + 5000 },
        (error: ServiceError | null, reply) => {
          if (error !== null) reject(error);
          else if (reply?.decision?.effect === 'DECISION_EFFECT_ALLOW') resolve();
          else reject(new Error(`not allowed: ${JSON.stringify(reply)}`));
        },
      );
    });
  };
  try {
    return [
      ...(await measured(`unary ${policies} policies, alone`, 2000, 1, ask)),
      ...(await measured(`unary ${policies} policies, 32 in flight`, 8000, 32, ask)),
    ];
  } finally {
    grpc.close();
    material.close();
  }
}

/** Direct and through the sidecar in turns, so that whatever else the machine does falls on both. */
async function sidecarAdds(stack: Stack, kind: '' | ', cached'): Promise<Row[]> {
  const upstream = await startRecordingUpstream();
  const sidecar = await stack.startSidecar({
    upstreams: [{ name: 'upstream', url: upstream.url }],
    pdp: { deadlineMs: 900, hedgeAfterMs: 800 },
  });
  const idle = rssMb(sidecar.pid);
  const agent = new Agent({ connections: 64, pipelining: 1 });
  const call = async (url: string, index: number): Promise<void> => {
    const { statusCode, body } = await request(url, {
      dispatcher: agent,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: index + 1,
        method: 'tools/call',
        params: { name: 'read', arguments: { path: `/srv/${index}` } },
      }),
    });
    const text = await body.text();
    if (statusCode !== 200 || !text.includes('"result"')) throw new Error(`${statusCode}: ${text}`);
    upstream.clear();
  };
  const rows: Row[] = [];
  try {
    for (const width of [1, 16]) {
      const direct: Load[] = [];
      const guarded: Load[] = [];
      const count = 2000;
      await drive(count, width, (index) => call(upstream.url, index));
      await drive(count, width, (index) => call(sidecar.mcpUrl('upstream'), index));
      for (let run = 0; run < RUNS; run += 1) {
        direct.push(await drive(count, width, (index) => call(upstream.url, index)));
        guarded.push(await drive(count, width, (index) => call(sidecar.mcpUrl('upstream'), index)));
      }
      const name = `tools/call, ${width} in flight${kind}`;
      for (const share of [0.5, 0.95, 0.99]) {
        const at = (loads: readonly Load[]): number => median(loads.map(({ latencies }) => quantile(latencies, share)));
        const metric = `p${share * 100}_ms`;
        rows.push(row(name, metric, at(direct), 'ms', 'direct'), row(name, metric, at(guarded), 'ms'));
        rows.push(row(name, `added_${metric}`, at(guarded) - at(direct), 'ms'));
      }
    }
    if (kind !== '') return rows;
    rows.push(row('sidecar', 'ready_ms', sidecar.readyMs, 'ms'), row('sidecar', 'rss_idle_mb', idle, 'MB'));
    rows.push(row('sidecar', 'rss_after_load_mb', rssMb(sidecar.pid), 'MB'));
    return rows;
  } finally {
    await sidecar.terminate();
    await agent.close();
    await upstream.close();
  }
}

/** From the publish command's start, and from the distributor's acceptance, until every PDP has loaded the release. */
async function publishToEnforced(): Promise<Row[]> {
  const stack = await startStack({ pdps: 3 });
  const fromStart: number[] = [];
  const fromAcceptance: number[] = [];
  try {
    await stack.publish(manyPolicies('1.0.0', 10), { waitMs: 20_000 });
    for (let run = 1; run <= 9; run += 1) {
      const source = manyPolicies(`1.${run}.0`, 10);
      const begun = performance.now();
      const { seq, acceptedAt } = await stack.publish(source);
      await stack.loaded(seq, 20_000);
      fromStart.push(performance.now() - begun);
      fromAcceptance.push(performance.now() - acceptedAt);
    }
    return [
      row('publish, 3 PDPs', 'command_to_enforced_p50_ms', median(fromStart), 'ms'),
      row('publish, 3 PDPs', 'accepted_to_enforced_p50_ms', median(fromAcceptance), 'ms'),
      row('publish, 3 PDPs', 'accepted_to_enforced_max_ms', Math.max(...fromAcceptance), 'ms'),
      row('start', 'pdp_ready_ms', median(stack.pdps.map((pdp) => pdp.readyMs)), 'ms'),
      row('start', 'distributor_ready_ms', stack.distributor.readyMs, 'ms'),
    ];
  } finally {
    await stack.close();
  }
}

/** All of it. Takes about three minutes on two cores. */
export async function benchSpine(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const policies of [10, 1000]) {
    const stack = await startStack({ pdp: { limits: { decisionDeadlineMs: 1000 } } });
    try {
      await stack.publish(manyPolicies('1.0.0', policies), { waitMs: 30_000 });
      const tls = stack.tls({ kind: 'agent', ...AGENT });
      rows.push(...(await streamDecisions(stack, tls, policies)));
      rows.push(...(await unaryDecisions(stack, tls, policies)));
      if (policies === 1000) {
        rows.push(...(await sidecarAdds(stack, '')));
        await stack.publish(keptFor(manyPolicies('1.0.1', policies), 30), { waitMs: 30_000 });
        rows.push(...(await sidecarAdds(stack, ', cached')));
      }
    } finally {
      await stack.close();
    }
  }
  rows.push(...(await publishToEnforced()));
  return rows;
}
