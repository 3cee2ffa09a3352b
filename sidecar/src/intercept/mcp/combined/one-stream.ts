/** The stream of one server, into a response that it shares with those of others. */

import type { Logger } from '@portcullis/runtime';
import type { OpenAccount } from '../../../enforce/account.js';
import type { Attempt } from '../../../enforce/guard.js';
import type { OpenAttempts } from '../../../enforce/open-attempts.js';
import type { Permit } from '../../../enforce/permit.js';
import { redactMessage } from '../../../redact/message.js';
import type { ExchangeObserver, RelayOutcome } from '../../exchange-outcome.js';
import { decline } from '../carry-out.js';
import type { Relay } from '../relay.js';
import type { Sessions } from '../sessions.js';
import type { Sighting } from '../to-attempt.js';
import type { Turn } from '../turn.js';

/** What is asked for the stream. */
export interface StreamAsked {
  readonly seen: Sighting;
  readonly attempt: Attempt;
  readonly permit: Permit;
  readonly verb: 'GET' | 'POST';
}

/** Until it ends; the HTTP status that it began with. Rejects when there was no answer. */
export type OneStream = (turn: Turn, asked: StreamAsked, answered?: () => void) => Promise<number>;

/** What it needs. */
export interface OneStreamOptions {
  readonly sessions: Sessions;
  readonly relay: Pick<Relay, 'shared'>;
  readonly openAccount: OpenAccount;
  /** Told what is under way, so that it can be cut off. */
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly observer: Pick<ExchangeObserver, 'carriedOut'>;
  readonly log: Logger;
}

/** Makes it. */
export function createOneStream({ sessions, relay, openAccount, open, observer, log }: OneStreamOptions): OneStream {
  return async (turn, { seen, attempt, permit, verb }, answered = () => undefined) => {
    const session = sessions.of(seen.server, seen.sessionId);
    const account = openAccount(permit);
    let outcome: RelayOutcome = 'upstream_failed';
    const ended = open.add(attempt.request, () => turn.response.destroy());
    try {
      const reply = await turn.upstream.forward(permit, verb, turn.headers, turn.signal).finally(answered);
      outcome = await relay.shared({
        reply,
        response: turn.response,
        requestId: undefined,
        expected: { seen, session, expects: () => false, concerns: turn.concerns },
        decline: (declined) => decline(turn, declined, log),
        release: account.release,
        received: account.received,
        readdressed: turn.readdressed,
        redact: permit.redaction === undefined ? undefined : (message) => redactMessage(permit, message),
        answered: () => undefined,
        brokeOff: () => undefined,
      });
      return reply.status;
    } finally {
      ended();
      observer.carriedOut('mcp_proxy', outcome);
      account.settle(outcome);
    }
  };
}
