/** Tells the PDP what an attempt brought back, before the agent gets it: its next question is decided by it. */

import type { Json } from '@portcullis/policy/model';
import type { ReportedUsage } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import type { PolicyClient } from '../ask/port.js';
import type { Permit, UsedPermit } from './permit.js';

/**
 * Whether the agent may have the result of a permitted attempt: at once unless the decision ordered a report, otherwise
 * once a PDP has taken it. Never rejects.
 * @param sentAt when the attempt went upstream, {@link Clock.monotonic} milliseconds
 * @param usage what it used, where that was measured
 */
export type Report = (permit: UsedPermit, result: Json, sentAt: number, usage?: ReportedUsage) => Promise<boolean>;

/** The bytes of a permitted message and of what came back for it. */
export function bytesOf(permit: Pick<Permit, 'payload'>, bytesIn: number): ReportedUsage {
  return { bytes_out: Buffer.byteLength(permit.payload ?? ''), bytes_in: bytesIn };
}

/** Makes it. */
export function createReport(client: Pick<PolicyClient, 'report'>, clock: Pick<Clock, 'monotonic'>): Report {
  return async (permit, result, sentAt, usage) => {
    const { report: order, session_id } = permit;
    if (order === undefined) return true;
    const { value, truncated } = fitted(result, order.maxBytes);
    return client.report({
      decision_id: permit.decision_id,
      request_digest: permit.request_digest,
      outcome: 'forwarded',
      duration_ms: Math.max(0, Math.round(clock.monotonic() - sentAt)),
      ...(usage === undefined ? {} : { usage }),
      result: { value, truncated, ...(session_id === undefined ? {} : { session_id }) },
    });
  };
}

/** An escape takes so many bytes. */
const WORST_CHARACTER = 6;

/** Of a result that is too large, the beginning of its JSON as one text. */
function fitted(result: Json, maxBytes: number): { readonly value: Json; readonly truncated: boolean } {
  const text = JSON.stringify(result);
  if (Buffer.byteLength(text) <= maxBytes) return { value: result, truncated: false };
  // A pair that is cut in two is no text.
  const beginning = text.slice(0, Math.floor((maxBytes - 2) / WORST_CHARACTER)).replace(/[\ud800-\udbff]$/, '');
  return { value: beginning, truncated: true };
}
