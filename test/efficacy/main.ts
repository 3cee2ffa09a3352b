/**
 * `npm run efficacy -- --data DIR`: replays recorded agent traffic against a real PDP with the built-in packs and writes the
 * decisions for the scorer that comes with the data.
 *
 *   npm run efficacy -- --data DIR [--track T0|T1] [--suite NAME,…] [--out FILE] [--json]
 *
 * Nothing of a session is shown to the PDP but what a sidecar would show: who the user is and what was asked for, the calls one
 * by one, and the result of a call that was allowed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { builtInPacksFolder } from '@portcullis/policy';
import { createLogger, openTlsMaterial } from '@portcullis/runtime';
import { createPolicyClient, type PolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { ALLOW_ALL_MCP, type PolicySource } from '../support/policy-source.js';
import { AGENT, startStack, TRUST_DOMAIN } from '../support/stack.js';
import { readScenarios, readSuite, type Scenario, type Suite, scenarioFiles } from './data.js';
import { declarationsOf } from './declare.js';
import { type Reasons, replay, type Track } from './replay.js';

const USAGE = `Usage: npm run efficacy -- --data DIR [--track T0|T1] [--suite NAME,...] [--out FILE] [--json]

Replays recorded agent traffic (DIR/agentdojo, DIR/agentdyn, DIR/fpr) against a real PDP with the packs base, mcp-integrity and
agent-flow, and writes one decision per line for DIR/score.mjs. Texts, PII and risk traces are for
portcullis efficacy text|pii|risk.

  --track  T0: only what the user said (default). T1: the tools planned for the task are declared too (DIR/scope)
  --suite  only these suites
  --out    where the decisions go (default: decisions.jsonl)
  --json   a summary as JSON on stdout
`;
const PACKS = ['base', 'mcp-integrity', 'agent-flow'];
/** Corpora of this folder that another command is for; said instead of scored. */
const NOT_REPLAYED: Readonly<Record<string, string>> = {
  text: '`portcullis efficacy text` scores it',
  pii: '`portcullis efficacy pii` scores it',
  risk: '`portcullis efficacy risk` scores it',
};

interface Options {
  readonly data: string;
  readonly track: Track;
  readonly suites: readonly string[];
  readonly out: string;
  readonly json: boolean;
}

function packFiles(name: string): readonly (readonly [string, Uint8Array])[] {
  const folder = fileURLToPath(new URL(`${name}/`, builtInPacksFolder()));
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [`packs/${name}/${path.slice(folder.length)}`, readFileSync(path)] as const);
}

/** The packs as a user gets them, over a rule that allows what they leave alone. */
function defaultPacks(): PolicySource {
  const set = { layer: 'workspace', combining: 'priority', priority_order: 'desc', policies: 'traffic' };
  const bundle = {
    format: 'portcullis.policy/1',
    name: 'efficacy',
    version: '1.0.0',
    default: 'deny',
    sets: [...PACKS.map((name) => ({ name, layer: 'platform', pack: `packs/${name}` })), { name: 'traffic', ...set }],
  };
  return new Map<string, Uint8Array>([
    ['bundle.yaml', Buffer.from(JSON.stringify(bundle))],
    ['traffic/policies.json', Buffer.from(JSON.stringify([ALLOW_ALL_MCP]))],
    ...PACKS.flatMap(packFiles),
  ]);
}

async function connect(endpoint: string, tls: Parameters<typeof openTlsMaterial>[0]): Promise<PolicyClient> {
  const log = createLogger({ component: 'efficacy', level: 'silent' });
  return createPolicyClient({
    config: pdpConfig.parse({
      endpoints: [endpoint],
      // Patient: what is decided is measured here, and a late answer would count as a denial.
      deadlineMs: 10_000,
      hedgeAfterMs: 9_999,
      breaker: { volumeThreshold: 100_000, errorThresholdPercentage: 100, resetTimeoutMs: 10_001 },
      settle: { deadlineMs: 10_000 },
    }),
    credentials: pdpCredentials(await openTlsMaterial(tls, { log }), TRUST_DOMAIN),
    log,
  });
}

async function run({ data, track, suites: wanted, out, json }: Options): Promise<void> {
  const scenarios = scenarioFiles(data)
    .flatMap(readScenarios)
    .filter(({ suite }) => wanted.length === 0 || wanted.includes(suite));
  if (scenarios.length === 0) throw new Error(`no recorded sessions below ${data}`);
  const suites = new Map<string, Suite>();
  for (const { suite } of scenarios) if (!suites.has(suite)) suites.set(suite, readSuite(data, suite));

  const folder = mkdtempSync(join(tmpdir(), 'portcullis-efficacy-'));
  const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const toolsFile = join(folder, 'tools.json');
    writeFileSync(toolsFile, JSON.stringify(declarationsOf(suites)));
    const stack = await startStack({
      pdp: {
        limits: { decisionDeadlineMs: 10_000 },
        gateways: { replay: [AGENT.tenant] },
        sessions: { toolsFile, maxSessions: scenarios.length + 1 },
      },
    });
    closing.push(() => stack.close());
    const { seq } = await stack.publish(defaultPacks(), { waitMs: 30_000 });
    await stack.loaded(seq);
    const [pdp] = stack.pdps;
    if (pdp === undefined) throw new Error('the stack has no PDP');
    const client = await connect(pdp.endpoint, await stack.issue({ kind: 'gateway', name: 'replay' }));
    closing.push(() => client.close());

    const reasons = await replayAll(scenarios, { client, track, suites });
    writeFileSync(out, reasons.map(({ outcome }) => `${JSON.stringify(outcome)}\n`).join(''));
    report(reasons, { data, track, out, json, scenarios: scenarios.length });
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

async function replayAll(
  scenarios: readonly Scenario[],
  parts: { readonly client: PolicyClient; readonly track: Track; readonly suites: ReadonlyMap<string, Suite> },
): Promise<readonly Reasons[]> {
  const { client, track, suites } = parts;
  const results: (readonly Reasons[])[] = [];
  const waiting = [...scenarios.entries()];
  // Sessions do not depend on each other; the calls of one follow each other.
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, scenario] = next;
      const suite = suites.get(scenario.suite) ?? { tools: {}, plans: {} };
      results[index] = await replay(scenario, { client, tenant: AGENT.tenant, track, suite });
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return results.flat();
}

interface Ending {
  readonly data: string;
  readonly track: Track;
  readonly out: string;
  readonly json: boolean;
  readonly scenarios: number;
}

function report(reasons: readonly Reasons[], { data, track, out, json, scenarios }: Ending): void {
  const count = (which: string): number => reasons.filter(({ outcome }) => outcome.outcome === which).length;
  const took = reasons.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  const at = (share: number): number => Number((took[Math.floor(took.length * share)] ?? 0).toFixed(2));
  const policies: Record<string, number> = {};
  for (const { policies: matched } of reasons) for (const slug of matched) policies[slug] = (policies[slug] ?? 0) + 1;
  const summary = {
    track,
    packs: PACKS,
    scenarios,
    calls: reasons.length,
    outcomes: { allow: count('allow'), hold: count('hold'), deny: count('deny'), redact: count('redact') },
    policies,
    latency_ms: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    decisions: out,
    not_replayed: NOT_REPLAYED,
  };
  if (json) {
    process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
    return;
  }
  const { outcomes, latency_ms: latency } = summary;
  const lines = [
    `${track}: ${scenarios} sessions, ${reasons.length} calls with the packs ${PACKS.join(', ')}`,
    `allowed ${outcomes.allow}, held ${outcomes.hold}, denied ${outcomes.deny}, redacted ${outcomes.redact}`,
    ...Object.entries(policies).map(([slug, times]) => `  ${slug}: ${times}`),
    `question to answer: p50 ${latency.p50} ms, p95 ${latency.p95} ms, p99 ${latency.p99} ms`,
    `decisions are in ${out}; score them with`,
    `  node ${join(data, 'score.mjs')} agent --scenarios ... --decisions ${out}`,
    ...Object.entries(NOT_REPLAYED).map(([folder, needs]) => `not replayed: ${folder}/: ${needs}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    track: { type: 'string', default: 'T0' },
    suite: { type: 'string', default: '' },
    out: { type: 'string', default: 'decisions.jsonl' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const { data, track, suite, out, json } = values;
if (values.help) process.stdout.write(USAGE);
else if (data === undefined || (track !== 'T0' && track !== 'T1')) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  try {
    await run({ data, track, suites: suite.split(',').filter((name) => name !== ''), out, json });
  } catch (error: unknown) {
    process.stderr.write(`The replay could not run: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
