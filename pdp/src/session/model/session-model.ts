/**
 * What a session remembers and what follows from it (contracts §9). Pure: no I/O, no clock; the same events in the same order
 * give the same state in every decision point that holds the same key.
 */

import { type CanonicalRequest, type Facts, kindOf, type PastAttempt } from '@portcullis/policy/model';
import type { ToolAnnotations } from './annotations.js';
import type { Attempted, SessionEvent } from './events.js';
import { SESSION_CAPS, type SessionState } from './state.js';

/** What a session says about a request. */
export interface SessionFacts {
  readonly facts: Facts;
  /** Labels of the session, for `context.labels`; to be united with what the caller says. */
  readonly labels: readonly string[];
}

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
  return {
    afterEvent: (state, event) => {
      if (event.type === 'attempted') return withAttempt(state, event);
      return { ...state, epoch: state.epoch + 1 };
    },
    factsFrom: (state, _request, annotations) => ({
      facts: { history: state.attempts, ...(annotations?.sinks === undefined ? {} : { sinks: annotations.sinks }) },
      labels: state.labels,
    }),
  };
}

function withAttempt(state: SessionState, event: Attempted): SessionState {
  const attempts = [...state.attempts, pastAttempt(event)].slice(-SESSION_CAPS.attempts);
  return { ...state, epoch: state.epoch + 1, attempts };
}

function pastAttempt({ request, effect, at }: Attempted): PastAttempt {
  const { tool, egress, request: inference } = request;
  return {
    kind: kindOf(request),
    ...(tool?.server === undefined ? {} : { server: tool.server }),
    ...(tool?.name === undefined ? {} : { tool: tool.name }),
    ...(tool?.operation === undefined ? {} : { operation: tool.operation }),
    ...(egress?.host === undefined ? {} : { host: egress.host }),
    ...(inference?.model === undefined ? {} : { model: inference.model }),
    effect,
    at,
  };
}
