/** The endpoint of all servers: one exchange of a client of either generation. */

import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { Guard } from '../../../enforce/guard.js';
import type { Refuser } from '../../../enforce/refuse.js';
import type { StoppedSince } from '../../../enforce/stopped-since.js';
import type { Upstream } from '../../http/upstream.js';
import type { CarryOut } from '../carry-out.js';
import type { ClientMessage } from '../client-message.js';
import type { ToolDefinitions } from '../definitions/tool-definitions.js';
import type { ProtocolVersion, Spoken } from '../headers.js';
import type { RpcMessage } from '../message.js';
import type { OwnNotification, OwnRequest } from '../own-requests.js';
import type { Relay } from '../relay.js';
import type { Replies } from '../replies.js';
import type { Sessions } from '../sessions.js';
import type { AttemptMaker } from '../to-attempt.js';
import { sightingOf, type Turn } from '../turn.js';
import { type CombinedObserver, createAnswerCombined } from './answer.js';
import { createListen } from './listen.js';
import { createMergedStream } from './merged-stream.js';
import { createOneStream, type OneStreamOptions } from './one-stream.js';
import { createResourceViews, viewerOf } from './resource-views.js';
import { createServeSession } from './serve-session.js';
import { createSubjects } from './subjects.js';
import { createTaskOwners } from './task-owners.js';

/** Serves. Both reject for defects only. */
export interface ServeCombined {
  message(turn: Turn, message: RpcMessage, spoken: Spoken): Promise<void>;
  verb(turn: Turn, verb: 'GET' | 'DELETE', spoken: Spoken): Promise<void>;
}

/** What it needs. */
export interface ServeCombinedOptions extends OneStreamOptions {
  readonly guard: Guard;
  readonly attempts: AttemptMaker;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly refuser: Refuser;
  readonly replies: Replies;
  readonly sessions: Sessions;
  readonly tools: ToolDefinitions;
  readonly relay: Relay;
  readonly ownRequest: OwnRequest;
  readonly ownNotification: OwnNotification;
  readonly clientMessage: ClientMessage;
  readonly carryOut: CarryOut;
  readonly stoppedSince: StoppedSince;
  readonly observer: CombinedObserver & OneStreamOptions['observer'];
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
  readonly minimumVersion: ProtocolVersion;
}

/** Makes it. */
export function createServeCombined(options: ServeCombinedOptions): ServeCombined {
  const { upstreams, replies, observer, clock, log } = options;
  const resources = createResourceViews(clock);
  const tasks = createTaskOwners();
  const missing = (server: string, thrown: unknown): void => {
    log.warn({ server, [LOG_FIELD.error]: thrown }, 'Server could not be asked');
    observer.serverMissing();
  };
  const servers = [...upstreams.keys()];
  const oneStream = createOneStream(options);
  const listen = createListen({ ...options, servers, resources, oneStream, missing });
  const answer = createAnswerCombined({ ...options, servers, tasks, listen, missing });
  const mergedStream = createMergedStream({ ...options, oneStream });
  const session = createServeSession({ ...options, servers, resources, missing, answer, mergedStream });

  return {
    async message(turn, message, spoken) {
      if (spoken.era === 'legacy') return session.message(turn, message, spoken);
      const id = message.kind === 'request' ? message.id : undefined;
      // Who ends an exchange has cancelled what it was for; the official client says so besides.
      if (message.kind === 'notification' && message.method === 'notifications/cancelled')
        return void turn.response.writeHead(202).end();
      // Answers to servers ride in requests.
      if (message.kind !== 'request')
        return replies.respond(turn, id, replies.invalid('only requests are served here'), 400);
      // Its clients have no sessions: what is known of tasks is known of all of them.
      const subjects = createSubjects(tasks, () => observer.messageDropped());
      return answer(turn, message, {
        era: 'modern',
        resources: resources.of(viewerOf(turn.behalf)),
        subjects,
        async reach(server) {
          const own: Turn = { ...at(turn, server), concerns: (said) => subjects.areOf(server, said) };
          return { turn: own, seen: sightingOf(own, spoken) };
        },
      });
    },
    async verb(turn, verb, spoken) {
      if (spoken.era === 'legacy') return session.verb(turn, verb);
      return replies.respond(turn, undefined, replies.invalid('this revision has neither GET nor DELETE', 405), 405);
    },
  };

  function at(turn: Turn, server: string): Turn {
    const upstream = upstreams.get(server);
    if (upstream === undefined) throw new TypeError('no such upstream');
    return { ...turn, head: { ...turn.head, server }, upstream };
  }
}
