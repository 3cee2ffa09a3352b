/** What an attempt was about that was refused here, before a decision or in spite of one (ADR-0034). */

import { attemptTargetOf, type CanonicalRequest } from '@portcullis/policy/model';
import type { PolicyClient, RefusedTarget } from '../ask/port.js';

/** The port: where refused attempts are put on record. */
export type RefusalRecords = Pick<PolicyClient, 'refused'>;

/** What a canonical request is about. */
export function targetOf(asked: CanonicalRequest): RefusedTarget {
  const { tool, request, egress, peer } = asked;
  const host = egress?.host === undefined ? undefined : `${egress.host}:${egress.port ?? ''}`;
  return {
    server: tool?.server ?? request?.model_provider ?? peer?.agent_id ?? host,
    name: tool?.name ?? request?.model ?? peer?.skill,
    operation: tool?.operation ?? request?.action ?? egress?.method,
    reached: attemptTargetOf(asked),
  };
}
