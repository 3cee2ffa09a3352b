/** What the services for gateways share: who asks, by when, and that every question is answered. */

import { randomUUID } from 'node:crypto';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { CanonicalRequest, Checked } from '@portcullis/policy/model';
import { type Clock, type Logger, PortcullisError } from '@portcullis/runtime';
import type { Decide } from '../pipeline/decide.js';
import { deadlineOf } from '../server/attempt.js';
import { logFault } from '../server/guard.js';
import type { CallerReader } from '../server/peer.js';
import type { GatewayAsking } from './ext-authz-canonical.js';
import { type Ruling, type RulingOutcome, refused, rulingOn } from './ruling.js';

/** Services under which gateways ask; closed list, labels of a metric. */
export const GATEWAY_SURFACES = ['ext_authz', 'ext_mcp'] as const;
/** A service under which gateways ask. */
export type GatewaySurface = (typeof GATEWAY_SURFACES)[number];

/** Who counts what gateways ask. */
export interface GatewayObserver {
  gatewayRuled(surface: GatewaySurface, outcome: RulingOutcome): void;
}

/** What the services work with. */
export interface GatewayParts {
  readonly decide: Decide;
  readonly callers: CallerReader;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly observer: GatewayObserver;
  readonly log: Logger;
}

/** One question, or several that must all be allowed. */
type Questions = (asking: GatewayAsking) => readonly Checked<CanonicalRequest>[];

/**
 * Decides a gateway's question. Never rejects: gateways may be configured to let pass what is answered with a fault, so
 * there are no faults here, only refusals.
 */
export async function rule(
  parts: GatewayParts,
  surface: GatewaySurface,
  call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext' | 'getDeadline'>,
  questions: Questions,
): Promise<Ruling> {
  const ruling = await ruled(parts, call, questions).catch((error: unknown) => {
    const fault = PortcullisError.from(error);
    logFault(parts.log, fault, 'Gateway refused');
    return fault.kind === 'unauthenticated'
      ? refused('IDENTITY_REJECTED', fault.message)
      : refused('INTERNAL_ERROR', 'the decision failed inside the PDP');
  });
  parts.observer.gatewayRuled(surface, ruling.outcome);
  return ruling;
}

async function ruled(
  { decide, callers, clock, deadlineMs }: GatewayParts,
  call: Parameters<typeof rule>[2],
  questions: Questions,
): Promise<Ruling> {
  const caller = callers.callerOf(call).identity;
  const deadline = deadlineOf(call, clock, deadlineMs);
  const timestamp = new Date(clock.now()).toISOString();
  const subjects = questions({ caller, timestamp, newRequestId: randomUUID });
  // What could not be read is decided, too: the pipeline denies it, and it is on record like every other denial.
  const decisions = await Promise.all(
    subjects.map((subject) => decide({ caller, subject, claimedDigest: undefined, deadline })),
  );
  const rulings = decisions.map(rulingOn);
  const [first] = rulings;
  return (
    rulings.find(({ outcome }) => outcome !== 'allowed') ?? first ?? refused('REQUEST_INVALID', 'nothing is asked')
  );
}
