/** An agent whose call waits for people while its HTTP exchange stays open. */

import { beginEvents, sseEvent } from '../../http/late-answer.js';
import type { RpcId } from '../message.js';
import type { Session, Waiting } from '../sessions.js';
import type { Turn } from '../turn.js';
import type { Party } from './holds.js';

/** It; whether the call is still the same, its exchange knows. */
export interface HttpParty extends Omit<Party, 'changed'> {
  /** Whether it cancelled its call while that waited. */
  hasCancelled(): boolean;
  /** Its call waits no more. */
  left(): void;
}

/** The agent of a turn, about its request `id`. */
export function httpParty({ head, response, signal, unwanted }: Turn, session: Session, id: RpcId): HttpParty {
  const streams = (head.headers.get('accept') ?? '').includes('text/event-stream');
  let waiting: Waiting | undefined;
  return {
    elicitsUrl: session.elicitsUrl,
    tell: (approval) => session.tell(approval),
    waits() {
      waiting = session.waiting(id);
      if (streams) beginEvents(response, 200);
      return AbortSignal.any([signal, waiting.signal, ...(unwanted === undefined ? [] : [unwanted])]);
    },
    alive(notification) {
      if (!streams || response.destroyed || response.writableEnded) return;
      response.write(notification === undefined ? ': waiting\n\n' : sseEvent(notification));
    },
    hasCancelled: () => waiting !== undefined && (waiting.signal.aborted || unwanted?.aborted === true),
    left: () => waiting?.done(),
  };
}
