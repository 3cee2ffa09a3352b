/**
 * The engine alone, in process: what one evaluation costs, and what compiling and linking a bundle costs.
 * The policies are agents x tools, each an allow or a deny for one pair, as a tool allowlist would be written.
 */
import { compileBundle, type Engine, linkBundle } from '@portcullis/policy';
import { type CanonicalRequest, formatProblem } from '@portcullis/policy/model';
import { sourceOf } from '../support/bundle-source.js';
import type { ReferencePolicy, ReferenceSet } from '../support/reference-evaluator.js';
import type { Row } from './row.js';

/** Policies of the measured bundles. */
const SIZES = [10, 1000] as const;
const COMBININGS = ['priority', 'deny_overrides'] as const;
const WARM_UP = 20_000;
const SAMPLES = 20_000;
/** Evaluations per sample: one alone is shorter than the clock can tell. */
const BATCH = 10;
const LOADS = 5;

/** Measures evaluation (p50, p99 in microseconds) and loading (milliseconds) with 10 and 1,000 policies. */
export async function benchEngine(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of SIZES) {
    for (const combining of COMBININGS) {
      const source = sourceOf({ version: '1.0.0', sets: [agentsByTools(size, combining)] });
      const { engine, compileMs, linkMs } = load(source);
      const requests = attempts(size);
      const times = sample(engine, requests);
      const row = (metric: string, value: number, unit: string): Row => {
        return { bench: 'engine', case: `${size} policies, ${combining}`, subject: 'portcullis', metric, value, unit };
      };
      rows.push(
        row('p50', quantile(times, 0.5), 'us'),
        row('p99', quantile(times, 0.99), 'us'),
        row('compile', compileMs, 'ms'),
        row('link', linkMs, 'ms'),
      );
      // Others on this thread get their turn between the cases.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  return rows;
}

/** One policy per pair of agent and tool, with a reason to look at the arguments now and then. */
function agentsByTools(size: number, combining: ReferenceSet['combining']): ReferenceSet {
  const policies = Array.from({ length: size }, (_, index): ReferencePolicy => {
    const { agent, tool } = pair(index, size);
    const conditions = [
      { field: 'agent.id', operator: 'equals', value: agent },
      { field: 'tool.name', operator: 'equals', value: tool },
      ...(index % 4 === 0 ? [{ field: 'tool.arguments.path', operator: 'regex_match', value: '^/work/[a-z]+' }] : []),
    ];
    return {
      name: `Agent ${agent} and tool ${tool}`,
      slug: `p${index}`,
      on: ['tool_call'],
      when: { operator: 'and', conditions },
      effect: index % 5 === 0 ? 'deny' : 'allow',
      priority: index % 101,
    };
  });
  return { name: 'tools', layer: 'platform', combining, priority_order: 'desc', policies };
}

function pair(index: number, size: number): { readonly agent: string; readonly tool: string } {
  const side = Math.ceil(Math.sqrt(size));
  return { agent: `agent-${index % side}`, tool: `tool-${Math.floor(index / side)}` };
}

/** Mostly pairs that some policy names, and every tenth one that none does. */
function attempts(size: number): readonly CanonicalRequest[] {
  return Array.from({ length: 1000 }, (_, index): CanonicalRequest => {
    const { agent, tool } = pair((index * 7919) % size, size);
    return {
      version: '1.0',
      tenant_id: 'acme',
      source: 'mcp_proxy',
      kind: 'tool_call',
      agent: { id: agent, type: 'worker', trust_level: 0.8 },
      tool: { name: index % 10 === 0 ? 'tool-unknown' : tool, server: 'files', arguments: { path: '/work/readme' } },
      context: { timestamp: '2026-01-15T10:00:00Z', request_id: `r${index}`, environment: 'prod' },
    };
  });
}

interface Loaded {
  readonly engine: Engine;
  readonly compileMs: number;
  readonly linkMs: number;
}

/** The fastest of several loads: the first ones pay for the runtime's own warm-up. */
function load(source: ReadonlyMap<string, Uint8Array>): Loaded {
  let best: Loaded | undefined;
  for (let round = 0; round < LOADS; round += 1) {
    const begun = performance.now();
    const compiled = compileBundle(source);
    if (!compiled.ok) throw new Error(compiled.problems.map(formatProblem).join('\n'));
    const between = performance.now();
    const engine = linkBundle(compiled.value);
    const loaded = { engine, compileMs: between - begun, linkMs: performance.now() - between };
    if (best === undefined || loaded.compileMs + loaded.linkMs < best.compileMs + best.linkMs) best = loaded;
  }
  if (best === undefined) throw new Error('nothing was loaded');
  return best;
}

/** Microseconds per evaluation, sorted. */
function sample(engine: Engine, requests: readonly CanonicalRequest[]): Float64Array {
  const one = (index: number): string => {
    const request = requests[index % requests.length];
    return request === undefined ? '' : engine.evaluate(request).effect;
  };
  for (let index = 0; index < WARM_UP; index += 1) one(index);
  const times = new Float64Array(SAMPLES);
  for (let number = 0; number < SAMPLES; number += 1) {
    const begun = process.hrtime.bigint();
    for (let index = 0; index < BATCH; index += 1) one(number * BATCH + index);
    times[number] = Number(process.hrtime.bigint() - begun) / 1000 / BATCH;
  }
  return times.sort();
}

function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
