/** The stream on which all servers may speak first: one for the client, one at each server, each decided by itself. */

import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import { type Guard, isRefusal } from '../../../enforce/guard.js';
import { beginEvents } from '../../http/late-answer.js';
import type { Sessions } from '../sessions.js';
import type { AttemptMaker } from '../to-attempt.js';
import { type Turn, traceOf } from '../turn.js';
import { type Connections, seenAt } from './connections.js';
import type { OneStream } from './one-stream.js';

/** Serves one until the client leaves, or its session is over. Rejects for defects only. */
export type MergedStream = (turn: Turn, client: Connections, servers: readonly string[]) => Promise<void>;

/** What it needs. */
export interface MergedStreamOptions {
  readonly guard: Guard;
  readonly attempts: Pick<AttemptMaker, 'fromVerb'>;
  readonly sessions: Sessions;
  readonly oneStream: OneStream;
  readonly log: Logger;
}

/** Between two streams of one server, milliseconds: doubled until the second, and from the first again once there was one. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** A server without such a stream says so; it is not asked again. */
const NO_STREAM = 405;
const STREAMED = 200;

/** Makes it. */
export function createMergedStream({ guard, attempts, sessions, oneStream, log }: MergedStreamOptions): MergedStream {
  return async (asked, client, servers) => {
    const turn = { ...asked, signal: AbortSignal.any([asked.signal, client.over]) };
    beginEvents(turn.response, 200);
    await Promise.all(servers.map((server) => follow(turn, client, server)));
    // Where nobody has such a stream, a client that is told so would ask again and again.
    if (!turn.signal.aborted) await once(turn.signal, 'abort');
    if (!turn.response.destroyed) turn.response.end();
  };

  async function follow(turn: Turn, client: Connections, server: string): Promise<void> {
    for (let wait = FIRST_WAIT_MS; !turn.signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        const reached = await client.reach(turn, server);
        const status = reached === undefined ? undefined : await listen(reached.turn);
        if (status === 'refused' || status === NO_STREAM) return;
        if (status === STREAMED) wait = FIRST_WAIT_MS / 2;
      } catch (thrown) {
        if (!turn.signal.aborted) log.warn({ server, [LOG_FIELD.error]: thrown }, 'Stream of a server broke off');
      }
      await delay(wait, undefined, { signal: turn.signal }).catch(() => undefined);
    }
  }

  /** Until the stream ends: with what status it was answered, or that it may not be asked for; nothing where nobody could say. */
  async function listen(turn: Turn): Promise<number | 'refused' | undefined> {
    const seen = seenAt(turn);
    const opened = sessions.of(seen.server, seen.sessionId).opening();
    try {
      const attempt = { ...attempts.fromVerb('GET', seen, {}), trace: traceOf(turn) };
      const permit = await guard(attempt);
      // Asked again, people and policies would be asked for ever.
      if (isRefusal(permit)) return permit.outcome === 'failed_closed' ? undefined : 'refused';
      return await oneStream(turn, { seen, attempt, permit, verb: 'GET' }, opened);
    } finally {
      opened();
    }
  }
}
