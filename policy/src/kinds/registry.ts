import { CONTENT_FILTER } from './content-filter.js';
import { DATA_SCOPE } from './data-scope.js';
import { EGRESS } from './egress.js';
import { FLOW } from './flow.js';
import { HITL_REQUIRED } from './hitl-required.js';
import type { AnyPolicyKind, PolicyKind } from './kind.js';
import { MODEL_ACCESS } from './model-access.js';
import { MODEL_ALLOWLIST } from './model-allowlist.js';
import { PII_GUARD } from './pii-guard.js';
import { QUOTA } from './quota.js';
import { RATE_LIMIT } from './rate-limit.js';
import { SEQUENCE } from './sequence.js';
import { TIME_WINDOW } from './time-window.js';
import { TOKEN_BUDGET } from './token-budget.js';
import { TOOL_ALLOWLIST } from './tool-allowlist.js';
import { TOOL_PIN } from './tool-pin.js';

/** The types of typed policies, one row each: the table that the compiler, the schemas and the reference read. */
export const POLICY_KINDS = {
  rate_limit: RATE_LIMIT,
  model_allowlist: MODEL_ALLOWLIST,
  content_filter: CONTENT_FILTER,
  data_scope: DATA_SCOPE,
  token_budget: TOKEN_BUDGET,
  hitl_required: HITL_REQUIRED,
  pii_guard: PII_GUARD,
  egress: EGRESS,
  model_access: MODEL_ACCESS,
  quota: QUOTA,
  tool_allowlist: TOOL_ALLOWLIST,
  tool_pin: TOOL_PIN,
  time_window: TIME_WINDOW,
  sequence: SEQUENCE,
  flow: FLOW,
} as const satisfies Record<string, AnyPolicyKind>;

/** A type of policy. */
export type PolicyType = keyof typeof POLICY_KINDS;
/** The names of all types. */
export const POLICY_TYPES: readonly PolicyType[] = Object.keys(POLICY_KINDS) as PolicyType[];

/** The module of a type. The caller hands `compile` only what passed `config`, which is what the type says. */
export function policyKind(type: PolicyType): PolicyKind<unknown> {
  return POLICY_KINDS[type] as unknown as PolicyKind<unknown>;
}

/** Whether `name` is a type of policy. */
export function isPolicyType(name: string): name is PolicyType {
  return Object.hasOwn(POLICY_KINDS, name);
}
