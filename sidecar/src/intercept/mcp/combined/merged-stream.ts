/** The stream on which all servers may speak first: one for the client, one at each server, each decided by itself. */

import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { OpenAccount } from '../../../enforce/account.js';
import { type Guard, isRefusal } from '../../../enforce/guard.js';
import type { OpenAttempts } from '../../../enforce/open-attempts.js';
import { redactMessage } from '../../../redact/message.js';
import type { ExchangeObserver, RelayOutcome } from '../../exchange-outcome.js';
import { beginEvents } from '../../http/late-answer.js';
import { decline } from '../carry-out.js';
import type { Relay } from '../relay.js';
import type { Sessions } from '../sessions.js';
import type { AttemptMaker } from '../to-attempt.js';
import { type Turn, traceOf } from '../turn.js';
import { type Connections, seenAt } from './connections.js';

/** Serves one until the client leaves. Rejects for defects only. */
export type MergedStream = (turn: Turn, client: Connections, servers: readonly string[]) => Promise<void>;

/** What it needs. */
export interface MergedStreamOptions {
  readonly guard: Guard;
  readonly attempts: Pick<AttemptMaker, 'fromVerb'>;
  readonly sessions: Sessions;
  readonly relay: Pick<Relay, 'shared'>;
  readonly openAccount: OpenAccount;
  /** Told what is under way, so that it can be cut off. */
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly observer: Pick<ExchangeObserver, 'carriedOut'>;
  readonly log: Logger;
}

/** Between two streams of one server, milliseconds: doubled until the second. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** A server without such a stream says so; it is not asked again. */
const NO_STREAM = 405;

/** Makes it. */
export function createMergedStream(options: MergedStreamOptions): MergedStream {
  const { guard, attempts, sessions, relay, openAccount, open, observer, log } = options;

  return async (turn, client, servers) => {
    beginEvents(turn.response, 200);
    await Promise.all(servers.map((server) => follow(turn, client, server)));
    // Where nobody has such a stream, a client that is told so would ask again and again.
    if (!turn.signal.aborted) await once(turn.signal, 'abort');
  };

  async function follow(turn: Turn, client: Connections, server: string): Promise<void> {
    for (let wait = FIRST_WAIT_MS; !turn.signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        const reached = await client.reach(turn, server);
        if (reached !== undefined && !(await listen(reached.turn))) return;
      } catch (thrown) {
        if (!turn.signal.aborted) log.warn({ server, [LOG_FIELD.error]: thrown }, 'Stream of a server broke off');
      }
      await delay(wait, undefined, { signal: turn.signal }).catch(() => undefined);
    }
  }

  /** Until the stream ends. Whether there may be another. */
  async function listen(turn: Turn): Promise<boolean> {
    const seen = seenAt(turn);
    const session = sessions.of(seen.server, seen.sessionId);
    const opened = session.opening();
    try {
      const made = attempts.fromVerb('GET', seen, {});
      const permit = await guard({ ...made, trace: traceOf(turn) });
      // Asked again, people and policies would be asked for ever.
      if (isRefusal(permit)) return false;
      const account = openAccount(permit);
      let outcome: RelayOutcome = 'upstream_failed';
      const ended = open.add(made.request, () => turn.response.destroy());
      try {
        const reply = await turn.upstream.forward(permit, 'GET', turn.headers, turn.signal).finally(opened);
        if (reply.status === NO_STREAM) {
          reply.body.on('error', () => undefined).destroy();
          return false;
        }
        outcome = await relay.shared({
          reply,
          response: turn.response,
          requestId: undefined,
          expected: { seen, session, expects: () => false },
          decline: (declined) => decline(turn, declined, log),
          release: account.release,
          received: account.received,
          readdressed: turn.readdressed,
          redact: (message) => redactMessage(permit, message),
          answered: () => undefined,
          brokeOff: () => undefined,
        });
        return true;
      } finally {
        ended();
        observer.carriedOut('mcp_proxy', outcome);
        account.settle(outcome);
      }
    } finally {
      opened();
    }
  }
}
