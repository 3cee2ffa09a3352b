/** What is owed to the PDPs for a permitted attempt: the report of its result, or how it ended; never both, never neither. */

import type { Json } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import type { PolicyClient, Settlement } from '../ask/port.js';
import type { Permit } from './permit.js';
import { bytesOf, createReport } from './report.js';

/** One attempt, from its going upstream to its settlement. */
export interface Account {
  /** Bytes came back for it. */
  received(bytes: number): void;
  /** Whether the agent may have what it brought: at once, or once a PDP has taken the report of it. Never rejects. */
  release(brought: Json): Promise<boolean>;
  /** Says how it ended, unless the report has. To be called once. */
  settle(outcome: Settlement['outcome']): void;
  /** Milliseconds since it went upstream. */
  elapsedMs(): number;
}

/** Opens the account of an attempt that goes upstream now. */
export type OpenAccount = (permit: Permit) => Account;

/** Makes it. */
export function createAccounts(
  client: Pick<PolicyClient, 'settle' | 'report'>,
  clock: Pick<Clock, 'monotonic'>,
): OpenAccount {
  const report = createReport(client, clock);
  return (permit) => {
    const sentAt = clock.monotonic();
    let bytesIn = 0;
    let isReported = false;
    const elapsedMs = (): number => Math.max(0, clock.monotonic() - sentAt);
    return {
      received(bytes) {
        bytesIn += bytes;
      },
      async release(brought) {
        const isReleased = await report(permit, brought, sentAt, bytesOf(permit, bytesIn));
        isReported = isReleased && permit.report !== undefined;
        return isReleased;
      },
      settle(outcome) {
        if (isReported) return;
        const { decision_id, request_digest } = permit;
        const usage = bytesOf(permit, bytesIn);
        client.settle({ decision_id, request_digest, outcome, duration_ms: Math.round(elapsedMs()), usage });
      },
      elapsedMs,
    };
  };
}

/** Nothing was carried out under the permit, and nothing will be: what it had reserved is given back. */
export function giveBack(
  client: Pick<PolicyClient, 'settle'>,
  { decision_id, request_digest }: Pick<Permit, 'decision_id' | 'request_digest'>,
): void {
  client.settle({ decision_id, request_digest, outcome: 'refused', duration_ms: 0 });
}
