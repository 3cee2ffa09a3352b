/** From what an agent sends to what is asked of which model. */

import type { JsonObject } from '@portcullis/policy/model';
import type { Behalf } from '../../behalf/behalf.js';
import type { Refuser } from '../../enforce/refuse.js';
import type { Inference } from './attempts.js';
import type { Catalogue, ServedModel } from './catalogue.js';
import type { LlmConfig } from './config.js';
import { type Asked, type Endpoint, isAsked } from './endpoint.js';
import { ENDPOINTS } from './endpoints.js';
import { type ApiError, errorOf } from './errors.js';
import type { Head } from './head.js';
import { isObject } from './json-values.js';
import { refusedTarget } from './refused-target.js';

const API_VERSION = '2023-06-01';
/** The agent's headers that mean something to a provider. Its credentials and organisation are never among them. */
const PASS = ['anthropic-version', 'anthropic-beta', 'openai-beta', 'traceparent', 'tracestate'] as const;
/** Part of the question: they change what the provider does. */
const ASKED_HEADERS: readonly string[] = ['anthropic-version', 'anthropic-beta', 'openai-beta'];

/** What is asked of which model, or why that cannot be said. */
export type ReadInference = (head: Head, behalf: Behalf, given: JsonObject) => Inference | ApiError;

/** Whether it could be read. */
export function isInference(read: Inference | ApiError): read is Inference {
  return 'endpoint' in read;
}

/** Makes the reader. */
export function createReadInference(options: {
  readonly catalogue: Catalogue;
  readonly refuser: Refuser;
  readonly estimate: LlmConfig['estimate'];
}): ReadInference {
  const { catalogue, refuser, estimate } = options;

  return (head, behalf, given) => {
    const { route } = head;
    const target = refusedTarget(route, catalogue);
    const invalid = (message: string, httpStatus = 400): ApiError =>
      errorOf(refuser.refuse('REQUEST_INVALID', { message, httpStatus, target }));
    if (route.operation === 'models') throw new TypeError('the list of models asks for nothing');
    const endpoint = ENDPOINTS[route.operation];
    const asked = endpoint.read(given);
    if (!isAsked(asked)) return { ...invalid(asked.message), param: asked.param };
    if (asked.stream && endpoint.stream === undefined)
      return { ...invalid('stream: this endpoint does not stream'), param: 'stream' };
    const served = catalogue.find(route.api, route.provider, asked.model);
    if (served === undefined) {
      const error = invalid(`no provider serves the model ${quoted(asked.model)} here`, 404);
      return { ...error, code: 'model_not_found', param: 'model' };
    }
    const body = bodyOf(endpoint, served, given, asked);
    const prepared = endpoint.read(body);
    if (!isAsked(prepared)) return { ...invalid(prepared.message), param: prepared.param };
    return inferenceOf(head, served, given, { behalf, body, asked: prepared });
  };

  /** What is forwarded, before anybody asks about it. */
  function bodyOf(endpoint: Endpoint, { provider, model }: ServedModel, given: JsonObject, asked: Asked): JsonObject {
    const body = endpoint.prepared(given, { model, streamUsage: provider.streamUsage });
    const isOpen = endpoint.action === 'chat' && asked.maxTokens === undefined;
    return isOpen && estimate.enforced ? (endpoint.limited(body, estimate.outputTokens) ?? body) : body;
  }
}

function inferenceOf(
  head: Head,
  served: ServedModel,
  given: JsonObject,
  prepared: Pick<Inference, 'behalf' | 'body' | 'asked'>,
): Inference {
  const { route } = head;
  const endpoint = ENDPOINTS[route.operation as keyof typeof ENDPOINTS];
  const passed = PASS.flatMap((name) => {
    const value = head.headers.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const headers = Object.fromEntries(passed);
  const streaming = given['stream_options'];
  return {
    ...prepared,
    route,
    endpoint,
    served,
    url: `${served.provider.baseUrl.replace(/\/$/, '')}${route.path}`,
    headers: Object.fromEntries(passed.filter(([name]) => ASKED_HEADERS.includes(name))),
    forwarded: {
      ...headers,
      ...(route.api === 'anthropic' && headers['anthropic-version'] === undefined
        ? { 'anthropic-version': API_VERSION }
        : {}),
      accept: prepared.asked.stream ? 'text/event-stream' : 'application/json',
    },
    wantsUsage: isObject(streaming) && streaming['include_usage'] === true,
  };
}

/** For messages: short, and escaped so that no control or bidi character reaches a terminal. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80)).replace(/[^\x20-\x7e]/gu, '?');
}
