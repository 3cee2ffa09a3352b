import type { CanonicalRequest } from '@portcullis/policy/model';
import { attemptName, originName, pastAttempt } from './attempt-names.js';
import type { Attempted, Endorsed } from './events.js';
import { intentsOf } from './intents.js';
import { codedReadings } from './memory.js';
import { endorsedName, type Memory, originOf, VALUE_LABELS } from './provenance.js';
import { isFetch, isOneTimeCode } from './roles.js';
import { type Expected, SESSION_CAPS, type SessionState } from './state.js';
import { destinationsWith, totalsWith } from './totals.js';
import { type SpokenValue, valuesOf } from './values.js';
import type { WordCodes } from './words.js';

/** The state once an attempt was decided. */
export function afterAttempted(state: SessionState, event: Attempted, codes: WordCodes): SessionState {
  const { request, effect, annotations } = event;
  const attempts = [...state.attempts, pastAttempt(event)].slice(-SESSION_CAPS.attempts);
  if (effect !== 'allow') return { ...state, attempts };
  const values = valuesOf(request, annotations);
  const memory = memoryOf(state, request, codes);
  const coming: Expected = {
    attempt: attemptName(request),
    steered: values.some((value) => isSteering(memory, value)),
    isDocument: isFetch(request),
  };
  const next = { ...state, attempts, expected: [...state.expected, coming].slice(-SESSION_CAPS.open) };
  if (annotations?.effect === 'read') return next;
  const isHandover = values.some(({ argument, value }) => isOneTimeCode(argument, value));
  const waiting = state.pending.indexOf(request.tool?.server ?? '');
  return {
    ...next,
    pending: isHandover ? state.pending.filter((_, index) => index !== waiting) : state.pending,
    totals: totalsWith(state, request, annotations, values, codes),
    destinations: destinationsWith(state, values, codes),
  };
}

/** The state once a person approved a request. */
export function afterEndorsed(state: SessionState, { request }: Endorsed, codes: WordCodes): SessionState {
  const endorsed = valuesOf(request, undefined).map(({ argument, value }) => {
    const words = codedReadings(String(value), codes).filter((coded) => coded !== '');
    return { target: endorsedName(originName(request), argument), words: `|${words.join('|')}|` };
  });
  return { ...state, endorsed: [...state.endorsed, ...endorsed].slice(-SESSION_CAPS.endorsed) };
}

/** Whether somebody else's text chose what is asked for. What is said or stored does not choose, and a number hardly does. */
function isSteering(memory: Memory, value: SpokenValue): boolean {
  if (typeof value.value !== 'string' || value.role === 'payload') return false;
  return originOf(memory, value).labels.includes(VALUE_LABELS.untrusted);
}

/** What is asked about the values of a request. */
export function memoryOf(state: SessionState, request: CanonicalRequest, codes: WordCodes): Memory {
  return { state, codes, tool: originName(request), intents: intentsOf(request.tool?.name ?? '') };
}
