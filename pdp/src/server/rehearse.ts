/** Walks the whole path of a decision before the port is announced, so that no caller is the one to compile it. */

import { setImmediate as turn } from 'node:timers/promises';
import { type PeerIdentity, requestDigest, toWireRequest, type Wire } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import { WARM_UP_REQUEST } from '../bundles/warm-up.js';
import type { Decide } from '../pipeline/decide.js';
import { toAnswer, toAttempt } from './attempt.js';

const ROUNDS = 32;
const ROUND_MS = 1_000;

/** `decide` must neither record nor count: nobody asked these questions. */
export async function rehearse(decide: Decide, clock: Clock): Promise<void> {
  const { tenant_id: tenant, agent } = WARM_UP_REQUEST;
  const identity: PeerIdentity = { kind: 'agent', trustDomain: 'warm-up', tenant, agent: agent.id };
  const caller = { identity, isValidNow: () => true };
  for (let round = 0; round < ROUNDS; round += 1) {
    const question = {
      request: toWireRequest(WARM_UP_REQUEST) as Wire.CanonicalRequest__Output,
      request_digest: requestDigest(WARM_UP_REQUEST),
    };
    toAnswer(await decide(toAttempt(question, caller, clock.monotonic() + ROUND_MS)));
    await turn();
  }
}
