/** Replays a recorded session against a PDP as a sidecar does: asks, and reports the result of what was allowed. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CanonicalRequest, Decision, DenyCode } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import type { Scenario, Suite } from './data.js';
import type { DecisionPoint } from './decision-point.js';

/** T0: only what the user said. T1: the tools planned for the task are declared too. */
export type Track = 'T0' | 'T1';

/** How a call was decided, as the scorer reads it. */
export interface Outcome {
  readonly id: string;
  readonly step: number;
  readonly outcome: 'allow' | 'deny' | 'hold' | 'redact';
}

/** What a call was decided by. */
export interface Reasons {
  readonly outcome: Outcome;
  readonly tool: string;
  /** Slugs of the policies that took part. */
  readonly policies: readonly string[];
  /** Why it was not allowed. */
  readonly codes: readonly DenyCode[];
  /** From question to answer, in milliseconds. */
  readonly tookMs: number;
  /** Of the release that decided. */
  readonly bundleDigest: string;
}

/** Who the sessions belong to. */
export interface Replaying {
  readonly point: DecisionPoint;
  readonly tenant: string;
  readonly track: Track;
  readonly suite: Suite;
}

/**
 * One session. Every call is decided, whatever became of those before; the result of a call is reported only when it was
 * allowed, and before the next question. A recording without results has empty ones.
 * @throws PortcullisError when the PDP does not answer, denies because it cannot decide, or does not take a result: then there
 * is nothing to score. A PDP that denies everything would stop every attack.
 */
export async function replay(scenario: Scenario, replaying: Replaying): Promise<readonly Reasons[]> {
  const { point, tenant } = replaying;
  const decided: Reasons[] = [];
  for (const call of scenario.calls) {
    const request = requestOf(scenario, call, replaying);
    const startedAt = performance.now();
    const decision = await patiently(
      () => point.ask(request),
      (answer) => answer !== undefined,
    );
    const tookMs = performance.now() - startedAt;
    if (decision === undefined) throw unscored('the PDP does not answer, or not with decisions');
    const undecided = decision.deny.find(({ code }) => UNDECIDED.has(code));
    if (undecided !== undefined) throw unscored(`the PDP could not decide: ${undecided.code} ${undecided.message}`);
    decided.push({
      outcome: { id: scenario.id, step: call.step, outcome: outcomeOf(decision) },
      tool: call.tool,
      policies: decision.matched.map(({ policy }) => policy),
      codes: decision.deny.map(({ code }) => code),
      tookMs,
      bundleDigest: decision.meta.bundle_digest,
    });
    if (!decision.allow) continue;
    const session_id = scenario.id;
    const { decision_id, request_digest } = decision;
    const owner = { session_id, tenant_id: tenant, agent_id: scenario.agent.id };
    const result = { value: call.output ?? '', truncated: false, ...owner };
    const settled = { decision_id, request_digest, outcome: 'forwarded', duration_ms: 0, result } as const;
    const kept = await patiently(
      () => point.report(settled),
      (taken) => taken,
    );
    if (!kept)
      throw unscored(
        `the PDP did not take the result of ${call.tool} (${JSON.stringify(call.output).length} characters)`,
      );
  }
  return decided;
}

/** Denials that are about the PDP, the caller or the machine, and say nothing about the call. */
const UNDECIDED: ReadonlySet<DenyCode> = new Set<DenyCode>([
  'PDP_TIMEOUT',
  'NO_VALID_BUNDLE',
  'AUDIT_UNAVAILABLE',
  'APPROVAL_UNAVAILABLE',
  'IDENTITY_REJECTED',
  'INTERNAL_ERROR',
  'SHUTTING_DOWN',
]);

function unscored(message: string): PortcullisError {
  return new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', `nothing to score: ${message}`);
}

const TRIES = 20;
const PAUSE_MS = 250;

/** A connection that comes of age is closed and made again; asked or told twice, a PDP counts it once. */
async function patiently<T>(attempt: () => Promise<T>, isGood: (value: T) => boolean): Promise<T> {
  let value = await attempt();
  for (let tries = 1; tries < TRIES && !isGood(value); tries += 1) {
    await delay(PAUSE_MS);
    value = await attempt();
  }
  return value;
}

function outcomeOf({ effect, conditions }: Decision): Outcome['outcome'] {
  if (effect !== 'allow') return effect;
  return conditions.some(({ type }) => type === 'redact' || type === 'mask_fields') ? 'redact' : 'allow';
}

function requestOf(
  { id, suite: server, group, prompt, user, agent }: Scenario,
  { step, tool, args }: Scenario['calls'][number],
  { tenant, track, suite }: Replaying,
): CanonicalRequest {
  const planned = track === 'T1' && group !== null ? suite.plans[group] : undefined;
  return {
    version: '1.0',
    tenant_id: tenant,
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: agent.id },
    tool: {
      server,
      name: tool,
      operation: 'tools/call',
      arguments: args,
      attributes: { direction: 'client_to_server' },
    },
    context: {
      timestamp: new Date().toISOString(),
      request_id: `${id}-${step}`,
      session_id: id,
      // The user and the prompt are what the PEP saw; both are the user's own.
      task: { prompt, ...(user === null ? {} : { user }), ...(planned === undefined ? {} : { tools: planned }) },
    },
  };
}
