/** Replays all recorded sessions and sums up what became of their calls. */

import { buildBundle } from '@portcullis/policy/bundle';
import { usageFault } from '../../faults.js';
import { readScenarios, readSuite, type Scenario, type Suite, scenarioFiles } from './data.js';
import type { DecisionPoint } from './decision-point.js';
import { REPLAYED_PACKS, replayedSource } from './prepare.js';
import { type Reasons, replay, type Track } from './session.js';

/** Recorded sessions, and what is declared of the suites that they are of. */
export interface Traffic {
  readonly scenarios: readonly Scenario[];
  readonly suites: ReadonlyMap<string, Suite>;
}

/** What a replay came to, as `--json` prints it. */
export interface ReplaySummary {
  readonly track: Track;
  readonly packs: readonly string[];
  /** Whether every call was decided by a release of exactly these packs, as `--prepare` writes it. */
  readonly default_packs: boolean;
  readonly bundle_digests: readonly string[];
  readonly scenarios: number;
  readonly calls: number;
  readonly outcomes: Readonly<Record<Reasons['outcome']['outcome'], number>>;
  /** How many calls a policy took part in, by its slug. */
  readonly policies: Readonly<Record<string, number>>;
  /** How many calls were refused for a reason, by its code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly latency_ms: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly not_replayed: Readonly<Record<string, string>>;
}

/** Corpora of the same folder that another command is for; said instead of scored. */
const NOT_REPLAYED = {
  text: '`portcullis efficacy text` scores it',
  pii: '`portcullis efficacy pii` scores it',
  risk: '`portcullis efficacy risk` scores it',
} as const;
const AT_ONCE = 4;

/** Reads the sessions below a folder. @throws PortcullisError `ERR_CLI_USAGE` when there are none. */
export function readTraffic(data: string, wanted: readonly string[]): Traffic {
  const scenarios = scenarioFiles(data)
    .flatMap(readScenarios)
    .filter(({ suite }) => wanted.length === 0 || wanted.includes(suite));
  if (scenarios.length === 0) throw usageFault(`--data: no recorded sessions below ${data}, or none of --suite`);
  const suites = new Map<string, Suite>();
  for (const { suite } of scenarios) if (!suites.has(suite)) suites.set(suite, readSuite(data, suite));
  return { scenarios, suites };
}

/** Asks about every call. @throws PortcullisError when there is nothing to score. */
export async function replayAll(
  { scenarios, suites }: Traffic,
  parts: { readonly point: DecisionPoint; readonly tenant: string; readonly track: Track },
): Promise<readonly Reasons[]> {
  const results: (readonly Reasons[])[] = [];
  const waiting = [...scenarios.entries()];
  // Sessions do not depend on each other; the calls of one follow each other.
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, scenario] = next;
      const suite = suites.get(scenario.suite) ?? { tools: {}, plans: {} };
      results[index] = await replay(scenario, { ...parts, suite });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results.flat();
}

/** One line per call, for the scorer. */
export function decisionLines(reasons: readonly Reasons[]): string {
  return reasons.map(({ outcome }) => `${JSON.stringify(outcome)}\n`).join('');
}

/** Counts. */
export async function summarise(
  reasons: readonly Reasons[],
  { track, scenarios }: { readonly track: Track; readonly scenarios: number },
): Promise<ReplaySummary> {
  const count = (which: string): number => reasons.filter(({ outcome }) => outcome.outcome === which).length;
  const took = reasons.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  const at = (share: number): number => Number((took[Math.floor(took.length * share)] ?? 0).toFixed(2));
  const digests = [...new Set(reasons.map(({ bundleDigest }) => bundleDigest))];
  const built = await buildBundle(await replayedSource());
  return {
    track,
    packs: REPLAYED_PACKS,
    default_packs: built.ok && digests.every((digest) => digest === built.value.sha256),
    bundle_digests: digests,
    scenarios,
    calls: reasons.length,
    outcomes: { allow: count('allow'), hold: count('hold'), deny: count('deny'), redact: count('redact') },
    policies: tally(reasons.flatMap(({ policies }) => policies)),
    codes: tally(reasons.flatMap(({ codes }) => codes)),
    latency_ms: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    not_replayed: NOT_REPLAYED,
  };
}

function tally(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** For people. */
export function summaryLines(summary: ReplaySummary): readonly string[] {
  const { track, scenarios, calls, packs, outcomes, policies, codes, latency_ms: latency } = summary;
  const release = summary.default_packs
    ? `the packs ${packs.join(', ')}`
    : `ANOTHER RELEASE than --prepare writes (${summary.bundle_digests.join(', ')})`;
  return [
    `${track}: ${scenarios} sessions, ${calls} calls, decided by ${release}`,
    `allowed ${outcomes.allow}, held ${outcomes.hold}, denied ${outcomes.deny}, redacted ${outcomes.redact}`,
    ...Object.entries({ ...policies, ...codes }).map(([name, times]) => `  ${name}: ${times}`),
    `question to answer: p50 ${latency.p50} ms, p95 ${latency.p95} ms, p99 ${latency.p99} ms`,
    ...Object.entries(NOT_REPLAYED).map(([folder, needs]) => `not replayed: ${folder}/: ${needs}`),
  ];
}
