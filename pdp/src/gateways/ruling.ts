/** What a decision means to a gateway that can let a request through or not, and nothing in between. */

import { type Decision, type DenyCode, RECORDED_OBLIGATIONS } from '@portcullis/policy/model';

/** How a gateway's question ended; closed list, labels of a metric. `failed` is ours to look at. */
export const RULINGS = ['allowed', 'denied', 'held', 'failed'] as const;
/** How a gateway's question ended. */
export type RulingOutcome = (typeof RULINGS)[number];

/** Whether the request may go on, and what its sender is told. */
export interface Ruling {
  readonly outcome: RulingOutcome;
  readonly decisionId: string;
  /** Of the first reason; empty when it is allowed. */
  readonly code: DenyCode | '';
  readonly message: string;
  readonly reasonCode: string | undefined;
  /** HTTP. */
  readonly status: 200 | 403 | 429 | 503;
}

/** Nobody could say; trying again may help. */
const FAILURES: ReadonlySet<DenyCode> = new Set<DenyCode>([
  'QUOTA_UNAVAILABLE',
  'NO_VALID_BUNDLE',
  'PDP_UNAVAILABLE',
  'PDP_TIMEOUT',
  'PDP_BREAKER_OPEN',
  'PDP_REPLY_INVALID',
  'AUDIT_UNAVAILABLE',
  'SHUTTING_DOWN',
  'INTERNAL_ERROR',
]);

/** The ruling. A gateway can carry out no condition, so an allow that is tied to one is none. */
export function rulingOn(decision: Decision): Ruling {
  const { decision_id: decisionId } = decision;
  const duty = [...decision.conditions, ...decision.obligations].find(
    ({ type }) => !RECORDED_OBLIGATIONS.includes(type),
  );
  if (decision.allow && duty === undefined) {
    return { outcome: 'allowed', decisionId, code: '', message: '', reasonCode: undefined, status: 200 };
  }
  if (decision.allow) {
    return refused('OBLIGATION_UNSUPPORTED', `the gateway cannot carry out ${duty?.type ?? ''}`, decisionId);
  }
  const [reason] = decision.deny;
  if (reason === undefined) return refused('INTERNAL_ERROR', 'denied without a reason', decisionId);
  return { ...refused(reason.code, reason.message, decisionId), reasonCode: reason.reason_code };
}

/** A ruling without a decision, or against one. */
export function refused(code: DenyCode, message: string, decisionId = ''): Ruling {
  const failed = FAILURES.has(code);
  const outcome = failed ? 'failed' : code === 'APPROVAL_REQUIRED' ? 'held' : 'denied';
  const status = failed ? 503 : code === 'QUOTA_EXCEEDED' ? 429 : 403;
  return { outcome, decisionId, code, message, reasonCode: undefined, status };
}

/** What the sender of a refused request reads, as JSON. */
export function explanation({ code, message, decisionId, reasonCode }: Ruling): string {
  return JSON.stringify({
    code,
    message,
    ...(reasonCode === undefined ? {} : { reason_code: reasonCode }),
    ...(decisionId === '' ? {} : { decision_id: decisionId }),
  });
}
