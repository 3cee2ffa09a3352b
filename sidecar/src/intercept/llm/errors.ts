/** Refusals and failures in the shape of each API, so that its clients report them as their own. */

import type { JsonObject } from '@portcullis/policy/model';
import type { Refusal } from '../../enforce/refuse.js';
import type { Api } from './config.js';

/** Something to tell an agent. */
export interface ApiError {
  readonly status: number;
  readonly message: string;
  readonly code: string;
  /** The member of the request that is at fault. */
  readonly param?: string | undefined;
  /** What a program needs to go on: decision, approval. */
  readonly details?: JsonObject;
  /** Whether the same request may be sent again at once. */
  readonly retry: boolean;
}

/** What an agent is told of a refusal. */
export function errorOf(refusal: Refusal): ApiError {
  const { code, message, outcome, decision_id, reason_code, path, hold } = refusal;
  const about = [
    code,
    ...(reason_code === undefined ? [] : [reason_code]),
    ...(decision_id === undefined ? [] : [`decision ${decision_id}`]),
    ...(hold === undefined ? [] : [`approval ${hold.approval_id}`]),
  ].join(', ');
  return {
    status: refusal.httpStatus,
    message: `${message} (${about})`,
    code,
    details: {
      outcome,
      ...(decision_id === undefined ? {} : { decision_id }),
      ...(reason_code === undefined ? {} : { reason_code }),
      ...(path === undefined ? {} : { path }),
      ...(hold === undefined ? {} : { hold: { ...hold } }),
    },
    retry: outcome === 'failed_closed',
  };
}

/** The provider failed. */
export function upstreamError(what: string, status = 502): ApiError {
  return { status, message: `the model provider failed: ${what}`, code: 'UPSTREAM_FAILED', retry: status >= 500 };
}

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'invalid_request_error',
  429: 'rate_limit_error',
};
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** The body of an error response. */
export function errorBody(api: Api, error: ApiError): JsonObject {
  const { status, message, code, param, details } = error;
  const more = details === undefined ? {} : { portcullis: details };
  const fallback = status >= 500 ? 'api_error' : 'invalid_request_error';
  if (api === 'anthropic')
    return { type: 'error', error: { type: ANTHROPIC_TYPES[status] ?? fallback, message, code, ...more } };
  return { error: { message, type: OPENAI_TYPES[status] ?? fallback, param: param ?? null, code, ...more } };
}

/** The event that ends a stream which has begun. */
export function errorEvent(api: Api, operation: string, error: ApiError): Buffer {
  if (api === 'anthropic') return event('error', errorBody(api, error));
  if (operation !== 'responses') return event(undefined, errorBody(api, error));
  const { message, code, details } = error;
  // The member `error` as well, because the official client looks for it in every stream.
  return event('error', {
    type: 'error',
    code,
    message,
    param: null,
    sequence_number: 0,
    ...errorBody(api, { ...error, ...(details === undefined ? {} : { details }) }),
  });
}

/** One server-sent event. */
export function event(type: string | undefined, data: JsonObject | '[DONE]'): Buffer {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return Buffer.from(`${type === undefined ? '' : `event: ${type}\n`}data: ${text}\n\n`);
}

/** Headers of an error: both official clients ask this one whether to try again. */
export function errorHeaders(error: ApiError): Record<string, string> {
  return { 'x-should-retry': String(error.retry) };
}
