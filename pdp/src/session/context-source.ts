/** The session as a source of context: its history, its labels, and where the arguments came from. */

import type { CanonicalRequest } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import type { ContextSource, Supplement } from '../pipeline/ports.js';
import type { ToolAnnotations } from './model/annotations.js';
import type { SessionModel } from './model/session-model.js';
import { emptySession } from './model/state.js';
import { SESSION_FIELDS, sessionOf, type UnnamedRule } from './naming.js';
import type { SessionObserver } from './port.js';
import type { Sealer } from './sealer.js';
import type { Sessions } from './sessions.js';

/** What is declared about the tool of a request; `undefined` when nothing is. */
export type AnnotationsOf = (request: CanonicalRequest) => ToolAnnotations | undefined;

/** What the parts of this folder that turn requests into events and facts share. */
export interface SessionParts {
  readonly sessions: Sessions;
  readonly model: SessionModel;
  readonly sealer: Sealer;
  readonly annotationsOf: AnnotationsOf;
  readonly unnamed: UnnamedRule;
  readonly observer: Pick<SessionObserver, 'sessionRead' | 'sessionRecorded' | 'sessionResult'>;
  readonly clock: Clock;
}

/**
 * Never rejects. Of a request without a session, and of a session of which nobody can tell, everything that follows from
 * the session's past is unavailable: a rule that reads it is in error, and what would block blocks.
 */
export function createSessionSource(parts: SessionParts): ContextSource {
  const { sessions, model, annotationsOf, unnamed, observer, clock } = parts;
  const unknown = (request: CanonicalRequest, annotations: ToolAnnotations | undefined): Supplement => {
    // Where the attempt would go follows from itself.
    const { sinks } = model.factsFrom(emptySession(), request, annotations).facts;
    return { ...(sinks === undefined ? {} : { facts: { sinks } }), unavailable: SESSION_FIELDS };
  };
  return {
    name: 'session',
    provides: [...SESSION_FIELDS, 'facts.sinks'],
    supplement: async ({ request }): Promise<Supplement> => {
      const annotations = annotationsOf(request);
      const key = sessionOf(request, unnamed);
      if (key === undefined) {
        observer.sessionRead('unnamed', 0);
        return unknown(request, annotations);
      }
      const startedAt = clock.monotonic();
      const known = await sessions.read(key);
      const outcome = known.outcome === 'unknown' ? known.cause : known.outcome;
      observer.sessionRead(outcome, (clock.monotonic() - startedAt) / 1000);
      if (known.outcome === 'unknown') return unknown(request, annotations);
      const { state, elders } = known.record;
      const { facts, labels } = model.factsFrom(state, request, annotations);
      const { history = [], ...others } = facts;
      // The PEP may know of labels that the session does not; it cannot take one away.
      const united = [...new Set([...(request.context.labels ?? []), ...labels])];
      return {
        facts: elders === undefined ? others : { ...others, history: [...elders, ...history] },
        context: { labels: united },
        ...(elders === undefined ? { unavailable: ['facts.history'] } : {}),
      };
    },
  };
}
