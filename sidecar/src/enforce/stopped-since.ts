/** Whether what was allowed has been stopped, between the question and what it allows (ADR-0018). */

import type { CanonicalRequest } from '@portcullis/policy/model';
import type { OpenAttempts } from './open-attempts.js';
import type { Refusal, Refuser } from './refuse.js';

/**
 * Why these requests, which were allowed, are not carried out, or nothing. At once where no kill switch has moved. The
 * decisions stand otherwise: another one would use an approval up in vain, and the accounts of quotas would lose count.
 * Never rejects, and always settles.
 * @param kills {@link OpenAttempts.kills} from before the questions that allowed them
 */
export type StoppedSince = (kills: number, requests: readonly CanonicalRequest[]) => Promise<Refusal | undefined>;

/** Kills that arrive while it is asked about others, before nobody waits for another. */
const MAX_OVERTAKEN = 3;

/** Makes it. */
export function createStoppedSince(open: Pick<OpenAttempts, 'kills' | 'stops'>, refuser: Refuser): StoppedSince {
  return async (kills, requests) => {
    let seen = kills;
    for (let round = 1; open.kills !== seen; round += 1) {
      seen = open.kills;
      for (const request of requests) {
        const stop = await open.stops(request);
        if (stop?.kind === 'failure') return refuser.unanswered(stop.failure, request);
        if (stop !== undefined) return refuser.decided(stop.decision, request);
        if (round === MAX_OVERTAKEN && open.kills !== seen) return refuser.refuse('KILL_SWITCH', { request });
      }
    }
    return undefined;
  };
}
