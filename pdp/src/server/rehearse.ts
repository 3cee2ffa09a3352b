/**
 * Walks the whole path of a decision before the port is announced, so that no caller is the one to compile it: the
 * message codecs are generated at first use, which alone can cost a question its deadline.
 */

import { setImmediate as turn } from 'node:timers/promises';
import { type Epochs, type PeerIdentity, requestDigest, toWireRequest, type Wire } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import { WARM_UP_REQUEST } from '../bundles/warm-up.js';
import type { Decide } from '../pipeline/decide.js';
import { toAnswer, toAttempt } from './attempt.js';

/** What is rehearsed. */
export interface RehearsalParts {
  /** Must neither record nor count: nobody asked these questions. */
  readonly decide: Decide;
  /** The very definition that will be served; another one has codecs of its own. */
  readonly service: Pick<Wire.DecisionServiceDefinition, 'Decide' | 'Evaluate'>;
  readonly clock: Clock;
}

const ROUNDS = 32;
const ROUND_MS = 1_000;
const EPOCHS: Epochs = { release_seq: 0, trust: 0, labels: 0, kill: 0 };

/** Takes some tens of milliseconds, one decision per turn of the event loop. */
export async function rehearse({ decide, service, clock }: RehearsalParts): Promise<void> {
  const { tenant_id: tenant, agent } = WARM_UP_REQUEST;
  const identity: PeerIdentity = { kind: 'agent', trustDomain: 'warm-up', tenant, agent: agent.id };
  const caller = { identity, isValidNow: () => true };
  const evaluate = { request: toWireRequest(WARM_UP_REQUEST), request_digest: requestDigest(WARM_UP_REQUEST) };
  for (let round = 1; round <= ROUNDS; round += 1) {
    const bytes = service.Decide.requestSerialize({ questions: [{ id: round, evaluate }] });
    const [asked] = service.Decide.requestDeserialize(bytes).questions ?? [];
    const attempt = toAttempt(asked?.evaluate ?? {}, caller, clock.monotonic() + ROUND_MS);
    const decision = toAnswer(await decide(attempt), EPOCHS);
    service.Decide.responseSerialize({ answers: [{ id: round, decision }] });
    service.Evaluate.responseSerialize({ decision });
    await turn();
  }
}
