/**
 * Quotas as values: which accounts a rule's quota would draw on, and what a verdict becomes once somebody has looked at
 * them (contracts §6). Whoever keeps the accounts does so elsewhere; nothing here counts.
 */

import {
  type Condition,
  type DenyReason,
  lasting,
  type QuotaDimension,
  type QuotaGuard,
  type QuotaKind,
  type Verdict,
} from '../model/decision.js';
import { assertNever } from '../model/exhaustive.js';
import type { CanonicalRequest } from '../model/request.js';
import { type ExpectedUse, expectedBytes, expectedCost, expectedTokens } from '../prices/expected-use.js';
import type { PriceList } from '../prices/price-list.js';
import type { GuardIr, RuleIr, SetIr } from './ir.js';

/** The guard that a matching rule asks for. `hold` is what it asks of people once the quota is used up. */
export function guardOf(
  rule: RuleIr & { readonly guard: GuardIr },
  set: SetIr,
  request: CanonicalRequest,
  hold: { readonly id: string; readonly condition: Condition | undefined; readonly granted: boolean },
  prices?: PriceList,
): QuotaGuard {
  const { guard, effect } = rule;
  // Where the effect has no words of its own, these are undefined.
  const { code, message } = effect as { readonly code?: string; readonly message?: string };
  return {
    id: hold.id,
    layer: set.layer,
    policy: rule.id,
    kind: guard.kind,
    limit: guard.limit,
    ...(guard.windowSeconds === undefined ? {} : { window_seconds: guard.windowSeconds }),
    ...(guard.burst === undefined ? {} : { burst: guard.burst }),
    ...(guard.warnAt === undefined ? {} : { warn_at: guard.warnAt }),
    account: guard.per.map((dimension) => [dimension, ACCOUNT_VALUES[dimension](request) ?? null] as const),
    ...expectationOf(guard.kind, request, prices),
    outcome: outcomeOf(rule, hold),
    deny: {
      code: 'QUOTA_EXCEEDED',
      message: message ?? `the quota of the policy "${rule.name}" is used up`,
      path: `${set.layer}/${rule.id}`,
      ...(code === undefined ? {} : { reason_code: code }),
    },
    ...(hold.condition === undefined ? {} : { hold: hold.condition }),
  };
}

function outcomeOf({ effect }: RuleIr, hold: { readonly condition: Condition | undefined; readonly granted: boolean }) {
  if (effect.type === 'deny') return 'deny';
  // Who was allowed to go beyond the quota is only noted.
  return hold.condition === undefined || hold.granted ? 'log_only' : 'hold';
}

/** Ids of agents, users and so on are unique inside their tenant only. */
function inTenant(request: CanonicalRequest, id: string | undefined): string | undefined {
  return id === undefined ? undefined : `${request.tenant_id}/${id}`;
}

const ACCOUNT_VALUES: Readonly<Record<QuotaDimension, (request: CanonicalRequest) => string | undefined>> = {
  agent: (request) => inTenant(request, request.agent.id),
  user: (request) => inTenant(request, request.user?.id),
  team: (request) => inTenant(request, request.user?.team),
  workspace: (request) => inTenant(request, request.context.workspace_id),
  environment: ({ context }) => context.environment,
  tenant: (request) => request.tenant_id,
  model: ({ request }) => request?.model,
  tool: (request) => {
    const { server = '', name } = request.tool ?? {};
    return inTenant(request, name === undefined ? undefined : `${server}/${name}`);
  },
};

/** The fields that tell an account of each dimension. */
const ACCOUNT_FIELDS: Readonly<Record<QuotaDimension, readonly string[]>> = {
  agent: ['agent.id'],
  user: ['user.id'],
  team: ['user.team'],
  workspace: ['context.workspace_id'],
  environment: ['context.environment'],
  tenant: ['tenant_id'],
  model: ['request.model'],
  tool: ['tool.server', 'tool.name'],
};

/** The fields that a quota's accounts are told by. */
export function guardFields({ per }: GuardIr): readonly string[] {
  return per.flatMap((dimension) => ACCOUNT_FIELDS[dimension]);
}

function expectationOf(
  kind: QuotaKind,
  request: CanonicalRequest,
  prices: PriceList | undefined,
): Pick<QuotaGuard, 'estimate' | 'basis' | 'unknown' | 'currency'> {
  const currency = kind === 'cost' && prices !== undefined ? { currency: prices.currency } : {};
  const expected = expectedUse(kind, request, prices);
  if ('unknown' in expected) return { estimate: null, unknown: expected.unknown, ...currency };
  return { estimate: expected.amount, basis: expected.basis, ...currency };
}

function expectedUse(kind: QuotaKind, request: CanonicalRequest, prices: PriceList | undefined): ExpectedUse {
  switch (kind) {
    case 'requests':
    case 'concurrent':
      return { amount: 1, basis: 'stated' };
    case 'tokens':
      return expectedTokens(request, prices);
    case 'bytes':
      return expectedBytes(request);
    case 'cost':
      return expectedCost(request, prices);
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
  if (verdict.effect !== 'allow') return verdict;
  const denied: DenyReason[] = [];
  const held: { readonly reason: DenyReason; readonly condition: Condition }[] = [];
  for (const guard of verdict.guards) {
    const reading = readings.get(guard.id) ?? { state: 'unknown' };
    if (guard.outcome === 'log_only') continue;
    if (guard.unknown !== undefined) {
      denied.push({ code: 'QUOTA_UNAVAILABLE', message: guard.unknown, path: guard.deny.path });
      continue;
    }
    if (reading.state === 'granted') continue;
    if (reading.state === 'unknown') {
      const message = `how much is left of the quota of ${guard.deny.path} is not known`;
      denied.push({ code: 'QUOTA_UNAVAILABLE', message, path: guard.deny.path });
      continue;
    }
    const message = `${guard.deny.message} (${describeUse(guard, reading)})`;
    if (guard.hold === undefined) denied.push({ ...guard.deny, message });
    else held.push({ reason: { ...guard.deny, code: 'APPROVAL_REQUIRED', message }, condition: guard.hold });
  }
  if (denied.length === 0 && held.length === 0) return verdict;
  const stopped = { ...verdict, obligations: lasting(verdict.obligations), guards: [] };
  if (denied.length > 0) return { ...stopped, effect: 'deny', deny: denied, conditions: [] };
  const deny = held.map(({ reason }) => reason);
  return { ...stopped, effect: 'hold', deny, conditions: held.map(({ condition }) => condition) };
}

function describeUse(guard: QuotaGuard, reading: GuardReading & { readonly state: 'exceeded' }): string {
  const window = guard.window_seconds === undefined ? '' : ` in ${guard.window_seconds} s`;
  const frees = reading.frees_at === undefined ? '' : `, room again at ${reading.frees_at}`;
  const currency = guard.currency === undefined ? '' : ` ${guard.currency}`;
  return `${guard.kind}: ${reading.used} of ${guard.limit}${currency}${window}${frees}`;
}
