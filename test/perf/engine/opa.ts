/**
 * OPA. In process it is measured by its own `opa bench`, which reports the mean of an operation and, with metrics on,
 * the distribution of the evaluation inside it: the middle of several means stands for the p50, the distribution gives
 * the p99. Over HTTP it is measured like every other peer.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../support/free-port.js';
import { median } from '../statistics.js';
import { startHttpPeer } from './http-peer.js';
import { findPeer, missingPeer, type PeerRecipe } from './peer-binary.js';
import type { Measured, Subject } from './subject.js';
import type { WorkRequest, WorkRule } from './workload.js';

const RECIPE: PeerRecipe = {
  name: 'opa',
  variable: 'OPA_BIN',
  advice: 'GOBIN=FOLDER go install github.com/open-policy-agent/opa@latest',
};
const QUERY = 'data.bench.allow';
const REPEATS = 3;
const run = promisify(execFile);

/** OPA, in process (`opa bench`) and as a server. */
export const OPA: Subject = {
  missing: () => (findPeer(RECIPE) === undefined ? missingPeer(RECIPE) : undefined),
  async prepare({ rules }) {
    const opa = findPeer(RECIPE) ?? RECIPE.name;
    const folder = await mkdtemp(join(tmpdir(), 'bench-opa-'));
    const policy = join(folder, 'policy.rego');
    await writeFile(policy, policyText(rules));
    return {
      async load() {
        const port = await freePort();
        const server = await startHttpPeer(
          opa,
          ['run', '--server', '--addr', `127.0.0.1:${port}`, '--log-level', 'error', policy],
          { origin: `http://127.0.0.1:${port}`, healthPath: '/health' },
        );
        return {
          pid: server.pid,
          encode: (request) => JSON.stringify({ input: inputOf(request) }),
          async decide(encoded) {
            const answer = (await server.post('/v1/data/bench/allow', encoded as string)) as {
              readonly result: unknown;
            };
            return answer.result === true;
          },
          measure: async (_kind, requests) => {
            const [request] = requests;
            if (request === undefined) return [];
            const input = join(folder, 'input.json');
            await writeFile(input, JSON.stringify(inputOf(request)));
            return bench(opa, policy, input);
          },
          async close() {
            await server.stop();
            await rm(folder, { recursive: true });
          },
        };
      },
    };
  },
};

/** The rules as Rego. */
export function policyText(rules: readonly WorkRule[]): string {
  const head = ['package bench', 'default allow := false', 'allow if { allowed; not denied }'];
  const body = rules.map(({ agent, tool, operation, limit, effect }) =>
    [
      `${effect === 'allow' ? 'allowed' : 'denied'} if {`,
      `  input.agent == "agent-${agent}"`,
      `  input.tool == "tool-${tool}"`,
      `  input.operation == "op-${operation}"`,
      `  input.tokens < ${limit}`,
      '}',
    ].join('\n'),
  );
  return [...head, ...body].join('\n');
}

function inputOf({ agent, tool, operation, tokens }: WorkRequest): object {
  return { agent: `agent-${agent}`, tool: `tool-${tool}`, operation: `op-${operation}`, tokens };
}

async function bench(opa: string, policy: string, input: string): Promise<readonly Measured[]> {
  const common = ['bench', '--data', policy, '--input', input, '--format', 'json', '--benchmem=false', QUERY];
  const limits = { maxBuffer: 64 * 1024 * 1024 };
  const means = await run(opa, [...common, '--metrics=false', '--count', `${REPEATS}`], limits);
  const distribution = await run(opa, [...common, '--metrics=true'], limits);
  const perOperation = jsonDocuments(means.stdout).map(({ N, T }) => T / N / 1000);
  const extra = jsonDocuments(distribution.stdout)[0]?.Extra ?? {};
  const us = (name: string): number => Number(extra[`histogram_timer_rego_query_eval_ns_${name}`]) / 1000;
  return [
    { metric: 'p50_us', value: median(perOperation), unit: 'us' },
    { metric: 'p99_us', value: us('99%'), unit: 'us' },
    { metric: 'eval_only_p50_us', value: us('median'), unit: 'us' },
  ];
}

interface BenchDocument {
  readonly N: number;
  readonly T: number;
  readonly Extra: Readonly<Record<string, number>>;
}

/** One document per repetition, one after the other. */
function jsonDocuments(text: string): readonly BenchDocument[] {
  return text
    .split(/^(?=\{)/m)
    .filter((part) => part.trim() !== '')
    .map((part) => JSON.parse(part) as BenchDocument);
}
