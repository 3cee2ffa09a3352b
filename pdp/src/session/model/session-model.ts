/**
 * What a session remembers and what follows from it (contracts §9). Pure: no I/O, no clock; the same events in the same order
 * give the same state in every decision point that holds the same key.
 */

import type { CanonicalRequest } from '@portcullis/policy/model';
import { afterAttempted, afterEndorsed } from './after-attempt.js';
import { afterOpened, withTaskOf } from './after-opened.js';
import { afterResulted } from './after-result.js';
import type { ToolAnnotations } from './annotations.js';
import type { SessionEvent } from './events.js';
import { factsFrom, type SessionFacts } from './facts-of.js';
import type { SessionState } from './state.js';
import { createWordCodes } from './words.js';

/** What the model is made of. */
export interface SessionModelParts {
  /** At least 32 bytes; the same in every decision point of a cluster. Values are remembered only as HMACs under it. */
  readonly key: Uint8Array;
}

/** The reducer and what is read from it. */
export interface SessionModel {
  /** The state after an event. Never throws for what a result or an argument contains; costs time in proportion to it. */
  afterEvent(state: SessionState, event: SessionEvent): SessionState;
  /** The facts about a request that is now asked about; the request is not yet an attempt of the state. */
  factsFrom(state: SessionState, request: CanonicalRequest, annotations: ToolAnnotations | undefined): SessionFacts;
}

const MIN_KEY_BYTES = 32;

/** @throws RangeError for a key that is too short. */
export function createSessionModel({ key }: SessionModelParts): SessionModel {
  if (key.byteLength < MIN_KEY_BYTES) throw new RangeError(`the key has ${key.byteLength} of ${MIN_KEY_BYTES} bytes`);
  const codes = createWordCodes(key);
  const reduce = (state: SessionState, event: SessionEvent): SessionState => {
    switch (event.type) {
      case 'opened':
        return afterOpened(state, event, codes);
      case 'attempted':
        return afterAttempted(withTaskOf(state, event.request, codes), event, codes);
      case 'resulted':
        return afterResulted(state, event, codes);
      case 'endorsed':
        return afterEndorsed(state, event, codes);
    }
  };
  return {
    afterEvent: (state, event) => ({ ...reduce(state, event), epoch: state.epoch + 1 }),
    factsFrom: (state, request, annotations) =>
      factsFrom(withTaskOf(state, request, codes), request, annotations, codes),
  };
}
