/**
 * Quotas as values: which accounts a rule's quota would draw on, and what a verdict becomes once somebody has looked at
 * them (contracts §6). Whoever keeps the accounts does so elsewhere; nothing here counts.
 */

import type { Condition, DenyReason, QuotaDimension, QuotaGuard, Verdict } from '../model/decision.js';
import { assertNever } from '../model/exhaustive.js';
import type { CanonicalRequest } from '../model/request.js';
import type { GuardIr, RuleIr, SetIr } from './ir.js';

/** The guard that a matching rule asks for. `hold` is what it asks of people once the quota is used up. */
export function guardOf(
  rule: RuleIr & { readonly guard: GuardIr },
  set: SetIr,
  request: CanonicalRequest,
  hold: { readonly id: string; readonly condition: Condition | undefined; readonly granted: boolean },
): QuotaGuard {
  const { guard, effect } = rule;
  const written = effect.type === 'deny' || effect.type === 'require_hitl' ? effect : undefined;
  return {
    id: hold.id,
    layer: set.layer,
    policy: rule.id,
    kind: guard.kind,
    limit: guard.limit,
    ...(guard.windowSeconds === undefined ? {} : { window_seconds: guard.windowSeconds }),
    ...(guard.burst === undefined ? {} : { burst: guard.burst }),
    ...(guard.warnAt === undefined ? {} : { warn_at: guard.warnAt }),
    account: guard.per.map((dimension) => [dimension, accountValue(dimension, request)] as const),
    estimate: estimateOf(guard, request),
    // Who was allowed to go beyond the quota is only noted.
    outcome: effect.type === 'deny' ? 'deny' : hold.condition === undefined || hold.granted ? 'log_only' : 'hold',
    deny: {
      code: 'QUOTA_EXCEEDED',
      message: written?.message ?? `the quota of the policy "${rule.name}" is used up`,
      path: `${set.layer}/${rule.id}`,
      ...(written?.code === undefined ? {} : { reason_code: written.code }),
    },
    ...(hold.condition === undefined ? {} : { hold: hold.condition }),
  };
}

/** Ids of agents, users and so on are unique inside their tenant only. */
function accountValue(dimension: QuotaDimension, request: CanonicalRequest): string | null {
  const inTenant = (id: string | undefined): string | null => (id === undefined ? null : `${request.tenant_id}/${id}`);
  switch (dimension) {
    case 'agent':
      return inTenant(request.agent.id);
    case 'user':
      return inTenant(request.user?.id);
    case 'team':
      return inTenant(request.user?.team);
    case 'workspace':
      return inTenant(request.context.workspace_id);
    case 'environment':
      return request.context.environment ?? null;
    case 'tenant':
      return request.tenant_id;
    case 'model':
      return request.request?.model ?? null;
    case 'tool':
      return request.tool?.name === undefined ? null : inTenant(`${request.tool.server ?? ''}/${request.tool.name}`);
    default:
      return assertNever(dimension);
  }
}

function estimateOf({ kind }: GuardIr, request: CanonicalRequest): number | null {
  switch (kind) {
    case 'requests':
    case 'concurrent':
      return 1;
    case 'tokens':
      return request.request?.estimated_tokens ?? request.request?.max_tokens ?? null;
    case 'bytes':
      return request.egress?.bytes ?? null;
    case 'cost':
      return null;
    default:
      return assertNever(kind);
  }
}

/** What the keeper of the accounts says of one guard. */
export type GuardReading =
  | { readonly state: 'granted' }
  | {
      readonly state: 'exceeded';
      /** Units of the quota's kind. */
      readonly used: number;
      /** RFC 3339: when there is room again, where that is known. */
      readonly frees_at?: string;
    }
  /** Nobody can tell. */
  | { readonly state: 'unknown' };

/**
 * The verdict after the accounts were looked at. A guard without a reading counts as unknown, and unknown denies
 * wherever the rule would have stopped the request. A verdict that does not allow is returned as it is.
 */
export function applyReadings(verdict: Verdict, readings: ReadonlyMap<string, GuardReading>): Verdict {
  if (verdict.effect !== 'allow' || verdict.guards.length === 0) return verdict;
  const denied: DenyReason[] = [];
  const held: { readonly reason: DenyReason; readonly condition: Condition }[] = [];
  for (const guard of verdict.guards) {
    const reading = readings.get(guard.id) ?? { state: 'unknown' };
    if (reading.state === 'granted' || guard.outcome === 'log_only') continue;
    if (reading.state === 'unknown') {
      const message = `how much is left of the quota of ${guard.deny.path} is not known`;
      denied.push({ code: 'QUOTA_UNAVAILABLE', message, path: guard.deny.path });
      continue;
    }
    const message = `${guard.deny.message} (${describeUse(guard, reading)})`;
    if (guard.outcome === 'hold' && guard.hold !== undefined) {
      held.push({ reason: { ...guard.deny, code: 'APPROVAL_REQUIRED', message }, condition: guard.hold });
    } else denied.push({ ...guard.deny, message });
  }
  if (denied.length > 0) {
    return { ...verdict, effect: 'deny', deny: denied, conditions: [], obligations: [], guards: [] };
  }
  if (held.length > 0) {
    const deny = held.map(({ reason }) => reason);
    return { ...verdict, effect: 'hold', deny, conditions: held.map(({ condition }) => condition), guards: [] };
  }
  return verdict;
}

function describeUse(guard: QuotaGuard, reading: GuardReading & { readonly state: 'exceeded' }): string {
  const window = guard.window_seconds === undefined ? '' : ` in ${guard.window_seconds} s`;
  const frees = reading.frees_at === undefined ? '' : `, room again at ${reading.frees_at}`;
  return `${guard.kind}: ${reading.used} of ${guard.limit}${window}${frees}`;
}
