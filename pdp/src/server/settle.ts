/** `Settle`: what became of decisions. Each report is checked, and counted once per decision however often it comes. */

import type { handleUnaryCall } from '@grpc/grpc-js';
import { fromWireSettlement, type SettlementReport, type Wire } from '@portcullis/proto';
import { type Logger, PortcullisError } from '@portcullis/runtime';
import { reservationKey } from '../quota/key.js';
import type { QuotaStore, SettledUse } from '../quota/port.js';
import { guardUnary } from './guard.js';
import type { ServerObserver } from './observer.js';
import type { Caller, CallerReader } from './peer.js';

/** What the handler needs. */
export interface SettleParts {
  readonly callers: CallerReader;
  readonly observer: ServerObserver;
  /** Told how attempts ended, whichever PDP decided them. */
  readonly quotas: Pick<QuotaStore, 'settle'>;
  readonly log: Logger;
  /** How many decisions are remembered; the oldest are forgotten first. */
  readonly maxRemembered: number;
}

/** No call reports more. */
export const MAX_SETTLEMENTS = 256;

const DECISION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The handler. `accepted` counts the valid reports, repeated ones included, so that a retry gets the same answer. */
export function createSettle(parts: SettleParts): handleUnaryCall<Wire.SettleRequest__Output, Wire.SettleResponse> {
  const seen = new Set<string>();
  const isNew = (key: string): boolean => {
    if (seen.has(key)) return false;
    seen.add(key);
    // A set keeps the order of insertion.
    const [oldest] = seen;
    if (seen.size > parts.maxRemembered && oldest !== undefined) seen.delete(oldest);
    return true;
  };
  return guardUnary(parts.log, async (call) => {
    const caller = parts.callers.callerOf(call);
    const settlements = call.request.settlements ?? [];
    if (settlements.length > MAX_SETTLEMENTS) {
      throw new PortcullisError(
        'ERR_REQUEST_INVALID',
        'invalid',
        `a call settles at most ${MAX_SETTLEMENTS} decisions`,
      );
    }
    let accepted = 0;
    const uses: SettledUse[] = [];
    for (const message of settlements) {
      const report = fromWireSettlement(message);
      if (!report.ok || !DECISION_ID.test(report.value.decision_id)) {
        parts.observer.settled('invalid');
        continue;
      }
      accepted += 1;
      parts.observer.settled(isNew(report.value.decision_id) ? report.value.outcome : 'repeated');
      // A repetition may be there because the accounts did not hear the first; they settle an attempt once.
      uses.push(useOf(report.value, caller));
    }
    await parts.quotas.settle(uses);
    return { accepted };
  });
}

/** What was refused by the PEP reached nobody; what failed upstream may have had its effect, and stays counted. */
function useOf({ request_digest: digest, outcome, usage }: SettlementReport, caller: Caller): SettledUse {
  return { key: reservationKey(caller.identity, digest), unused: outcome === 'refused', actual: usage ?? {} };
}
