/** Reading what the sidecar answered. Whatever is not exactly an allow is a refusal. */

import type { Hold, Refused } from './authorization.js';

/** An answer as it came. */
export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** An allow. */
export interface AllowReply {
  readonly decisionId: string;
  readonly requestDigest: string;
  readonly mustReport: boolean;
}

const OUTCOMES: ReadonlyMap<unknown, Refused['outcome']> = new Map<unknown, Refused['outcome']>([
  ['deny', 'denied'],
  ['hold', 'held'],
  ['invalid', 'invalid'],
  ['failed_closed', 'failed_closed'],
]);

/** The allow, or why it is none. */
export function readReply({ status, body }: Reply): AllowReply | Refused {
  const json = parsed(body);
  const { decision, decision_id: decisionId, request_digest: requestDigest } = json;
  if (status === 200 && decision === 'allow' && isText(decisionId) && isText(requestDigest))
    return { decisionId, requestDigest, mustReport: json['report_result'] !== undefined };
  const outcome = OUTCOMES.get(decision);
  const { code, message, reason_code: reasonCode, hold } = json;
  if (status === 200 || outcome === undefined || !isText(code) || !isText(message))
    return failedClosed('SIDECAR_REPLY_INVALID', `the sidecar answered with HTTP ${status} and no decision`);
  return {
    allowed: false,
    outcome,
    code,
    message,
    ...(isText(decisionId) ? { decisionId } : {}),
    ...(isText(reasonCode) ? { reasonCode } : {}),
    ...(isHold(hold) ? { hold } : {}),
  };
}

/** A refusal because nobody could be asked. */
export function failedClosed(code: string, message: string): Refused {
  return { allowed: false, outcome: 'failed_closed', code, message };
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isHold(value: unknown): value is Hold {
  return typeof value === 'object' && value !== null && 'approval_id' in value && isText(value.approval_id);
}
