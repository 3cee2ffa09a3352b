/** What an attempt was about that was refused here and that no decision stands for (ADR-0034). */

import type { CanonicalRequest } from '@portcullis/policy/model';
import type { PolicyClient, RefusedTarget } from '../ask/port.js';

/** The port: where refused attempts are put on record. */
export type RefusalRecords = Pick<PolicyClient, 'refused'>;

/** What a canonical request is about. */
export function targetOf({ tool, request, egress, peer }: CanonicalRequest): RefusedTarget {
  const host = egress?.host === undefined ? undefined : `${egress.host}:${egress.port ?? ''}`;
  return {
    server: tool?.server ?? request?.model_provider ?? peer?.agent_id ?? host,
    name: tool?.name ?? request?.model ?? peer?.skill,
    operation: tool?.operation ?? request?.action ?? egress?.method,
  };
}
