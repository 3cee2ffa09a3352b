import type { ContextualRequest, PastAttempt } from '../../model/facts.js';
import type { Baseline } from '../baseline.js';
import { DEFAULT_RISK_PARAMETERS, type RiskParameters } from '../parameters.js';
import type { RiskSubject } from '../signal.js';

/** A call of a tool, with what a test changes. */
export function callOf(name: string, changes: Partial<ContextualRequest> = {}): ContextualRequest {
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'analyst' },
    tool: { server: 'crm', name, arguments: {} },
    context: { timestamp: '2026-11-21T12:00:00Z', request_id: 'req-1' },
    ...changes,
  };
}

/** An agent of long standing that uses `search` and writes to `acme.test`, ten times an hour. */
export const FAMILIAR: Baseline = {
  attempts: 500,
  usualPerMinute: 1,
  recentPerMinute: 1,
  recentDenials: 0,
  recentAmount: 0,
  usualAmount: 100,
  ageMs: 30 * 86_400_000,
  tools: new Map([['crm/search', 200]]),
  hosts: new Map([['acme.test', 100]]),
};

/** What an analyser is given. */
export function subjectOf(
  request: ContextualRequest,
  changes: { readonly baseline?: Baseline; readonly parameters?: Partial<RiskParameters> } = {},
): RiskSubject {
  return {
    request,
    baseline: changes.baseline,
    parameters: { ...DEFAULT_RISK_PARAMETERS, ...changes.parameters },
  };
}

/** An earlier call that was allowed. */
export function past(tool: string, changes: Partial<PastAttempt> = {}): PastAttempt {
  return { kind: 'tool_call', tool, effect: 'allow', at: '2026-11-21T11:59:00Z', ...changes };
}
