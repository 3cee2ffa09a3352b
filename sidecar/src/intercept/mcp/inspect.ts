/**
 * What a server says, before the agent hears it: which messages may pass, and which are requests to the agent that have
 * to be decided first.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { OpenAccount } from '../../enforce/account.js';
import { type Guard, isRefusal } from '../../enforce/guard.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Permit } from '../../enforce/permit.js';
import { type Refusal, type Refuser, RPC_CODE } from '../../enforce/refuse.js';
import { URL_ELICITATION_REQUIRED } from './held/answers.js';
import {
  isObject,
  type RpcId,
  type RpcMessage,
  type RpcNotification,
  type RpcRequest,
  type RpcResponse,
  readMessage,
} from './message.js';
import { methodRow } from './methods.js';
import type { Offer, Session } from './sessions.js';
import { type AttemptMaker, isAttempt, type Sighting } from './to-attempt.js';
import { refusalError, rpcError } from './to-response.js';

/** What to do with a message of the server. */
export type Finding =
  /** Its bytes go to the agent as they are. `answers`: it is the answer to this request, and `brings` this. */
  | { readonly verdict: 'pass'; readonly answers?: RpcId; readonly brings?: Json }
  /** Not delivered; a refused request is answered to the server. */
  | { readonly verdict: 'drop'; readonly reason: string; readonly decline?: Declined }
  /** The agent gets `instead`, which answers its request. */
  | { readonly verdict: 'replace'; readonly instead: string; readonly answers: RpcId }
  /** The server breaks the protocol: nothing more of this stream is delivered. */
  | { readonly verdict: 'stop'; readonly reason: string };

/** A request of the server that was refused. */
export interface Declined {
  readonly id: RpcId;
  readonly refusal: Refusal;
}

/** Which responses may come on a channel. */
export interface Expectation {
  readonly seen: Omit<Sighting, 'direction'>;
  readonly session: Session;
  /** Whether a response with this id may come here; asked once per response. */
  expects(id: RpcId): boolean;
  /** Whether the answer has to be redacted: one that only names a task, which is to bring it, cannot be. */
  readonly redacts?: boolean | undefined;
  /** Whether a request or notification may come here, by what it is about; any where it is absent. */
  readonly concerns?: ((said: RpcRequest | RpcNotification) => boolean) | undefined;
}

/** Inspects what servers say. */
export interface Inspector {
  /** One message of the server, from its bytes. Never rejects. */
  inspect(bytes: Uint8Array, expected: Expectation): Promise<Finding>;
  /** Reads a message without deciding anything; nothing when it is not acceptable. */
  read(bytes: Uint8Array): RpcMessage | undefined;
  /** Why an agent may not have the error that a server answers with; nothing: it may. Never rejects. */
  errorRefusal(error: Json | undefined, seen: Expectation['seen']): Promise<Refusal | undefined>;
  /** The same as `inspect` for a message that was read already. */
  inspectMessage(message: RpcMessage, expected: Expectation): Promise<Finding>;
}

/** Values of `resultType` that are defined (2026-07-28 and the tasks extension); no other may reach an agent. */
const RESULT_TYPES: ReadonlySet<Json> = new Set(['complete', 'input_required', 'task']);

/** See {@link Expectation.concerns}. */
const OF_OTHERS = 'it is about a request or task that is not of this server';

/** What was seen of the tools of a session is out of date. */
const TOOLS_CHANGED = 'notifications/tools/list_changed';

const UNREDACTABLE =
  'it answers with a task, and what a task brings cannot be redacted as the decision about the call orders';

/** Says of a task what asking for it would say: what it brought as well. */
const TASK_TOLD = 'notifications/tasks';

/** What an inspector needs. */
export interface InspectorOptions {
  readonly guard: Guard;
  readonly refuser: Refuser;
  readonly attempts: AttemptMaker;
  readonly open: Pick<OpenAttempts, 'kills'>;
  /** For what comes back without having been asked for. */
  readonly openAccount: OpenAccount;
  /** Told of requests that were delivered to the agent. */
  readonly delivered: (permit: Permit) => void;
  readonly maxMessageBytes: number;
}

/** Makes an inspector. */
export function createInspector(options: InspectorOptions): Inspector {
  const { guard, refuser, attempts, open, openAccount, delivered, maxMessageBytes } = options;

  async function decideRequest(
    request: Pick<RpcRequest, 'method' | 'params' | 'value'>,
    seen: Expectation['seen'],
  ): Promise<Offer | Refusal> {
    const { kills } = open;
    // What rides inside another message has no id of its own, and no question names one.
    const sighting: Sighting = { ...seen, direction: 'server_to_client' };
    const made = attempts.fromMessage({ kind: 'request', id: '', ...request }, sighting);
    if (isAttempt(made)) {
      const outcome = await guard(made);
      return isRefusal(outcome) ? outcome : { permit: outcome, request: made.request, kills };
    }
    if (made.refused === 'METHOD_UNKNOWN') return refuser.refuse('METHOD_UNKNOWN', { message: made.message });
    return refuser.refuse('REQUEST_INVALID', { message: made.message, rpcCode: RPC_CODE.invalidParams });
  }

  async function serverRequest(request: RpcRequest, expected: Expectation): Promise<Finding> {
    if (expected.seen.era === 'modern') return { verdict: 'stop', reason: 'servers of this revision send no requests' };
    if (expected.concerns?.(request) === false)
      return declined(request.id, refuser.refuse('REQUEST_INVALID', { message: OF_OTHERS }));
    const outcome = await decideRequest(request, expected.seen);
    if (!('permit' in outcome)) return declined(request.id, outcome);
    if (!expected.session.offer(request.id, outcome)) {
      return declined(request.id, refuser.refuse('REQUEST_INVALID', { message: 'too many open server requests' }));
    }
    delivered(outcome.permit);
    return { verdict: 'pass' };
  }

  async function response(message: RpcResponse, expected: Expectation): Promise<Finding> {
    const { id, result } = message;
    if (id === undefined || !expected.expects(id)) {
      return { verdict: 'stop', reason: 'a response to a request that was not made here' };
    }
    const passes: Finding = { verdict: 'pass', answers: id, brings: broughtBy(message) };
    if (result === undefined) {
      const refused = await inputRefusal(wantedBy(message), expected.seen);
      return refused === undefined ? passes : { verdict: 'replace', instead: refusalError(id, refused), answers: id };
    }
    if (expected.redacts === true && isTask(result))
      return { verdict: 'replace', instead: upstreamError(id, UNREDACTABLE), answers: id };
    if (expected.seen.era === 'legacy') return passes;
    const type = result['resultType'];
    if (type !== undefined && !RESULT_TYPES.has(type)) {
      return { verdict: 'replace', instead: upstreamError(id, 'a result of unknown type'), answers: id };
    }
    const refusal = await inputRefusal(wantedBy(message), expected.seen);
    if (refusal === undefined) return passes;
    return { verdict: 'replace', instead: refusalError(id, refusal), answers: id };
  }

  /** Requests of the server that ride in another message: each is decided as if it had come on its own. */
  async function inputRefusal(wanted: Json | undefined, seen: Expectation['seen']): Promise<Refusal | undefined> {
    if (wanted === undefined) return undefined;
    const unusable = (): Refusal => refuser.refuse('REQUEST_INVALID', { message: 'unusable input requests' });
    if (!isObject(wanted)) return unusable();
    const permits: Permit[] = [];
    for (const value of Object.values(wanted)) {
      const method = isObject(value) ? value['method'] : undefined;
      const params = isObject(value) ? (value['params'] ?? {}) : undefined;
      if (!isObject(value) || typeof method !== 'string' || !isObject(params)) return unusable();
      const outcome = await decideRequest({ method, params, value }, seen);
      if (!('permit' in outcome)) return outcome;
      permits.push(outcome.permit);
    }
    for (const permit of permits) delivered(permit);
    return undefined;
  }

  /** What a task brought, told unasked: decided and reported as the answer to `tasks/get` that it is. */
  async function taskTold({ params }: RpcNotification, seen: Expectation['seen']): Promise<Finding> {
    const { taskId = null } = params;
    const asked = { kind: 'request', id: '', method: 'tasks/get', params: { taskId }, value: {} } as const;
    const made = attempts.fromMessage(asked, { ...seen, direction: 'client_to_server' });
    if (!isAttempt(made)) return { verdict: 'drop', reason: made.message };
    const permit = await guard(made);
    if (isRefusal(permit)) return { verdict: 'drop', reason: permit.code };
    const account = openAccount(permit);
    const isReleased = permit.redaction?.ofAnswers !== true && (await account.release(params));
    account.settle(isReleased ? 'forwarded' : 'upstream_failed');
    return isReleased
      ? { verdict: 'pass' }
      : { verdict: 'drop', reason: 'it could not be redacted, or not be reported' };
  }

  async function inspectMessage(message: RpcMessage, expected: Expectation): Promise<Finding> {
    try {
      if (message.kind === 'response') return await response(message, expected);
      if (message.kind === 'request') return await serverRequest(message, expected);
      const known = methodRow(message.method, 'server_to_client', expected.seen.era)?.shape === 'notification';
      if (!known) return { verdict: 'drop', reason: 'unknown notification' };
      if (expected.concerns?.(message) === false) return { verdict: 'drop', reason: OF_OTHERS };
      if (message.method === TOOLS_CHANGED) expected.session.tools.clear();
      const refusal = expected.seen.era === 'modern' ? await inputRefusal(wantedBy(message), expected.seen) : undefined;
      if (refusal !== undefined) return { verdict: 'drop', reason: refusal.code };
      return bringsTask(message) ? await taskTold(message, expected.seen) : { verdict: 'pass' };
    } catch (thrown) {
      refuser.fault(thrown);
      return { verdict: 'stop', reason: 'internal error' };
    }
  }

  const readOne = (bytes: Uint8Array) => readMessage(bytes, { maxBytes: maxMessageBytes });
  return {
    read(bytes) {
      const read = readOne(bytes);
      return read.ok ? read.message : undefined;
    },
    async errorRefusal(error, seen) {
      try {
        return await inputRefusal(pagesOf(error), seen);
      } catch (thrown) {
        return refuser.fault(thrown);
      }
    },
    async inspect(bytes, expected) {
      const read = readOne(bytes);
      return read.ok ? inspectMessage(read.message, expected) : { verdict: 'stop', reason: read.message };
    },
    inspectMessage,
  };
}

/** What a response brings from the server: its result, or what it says is wrong. */
export function broughtBy({ result, value }: RpcResponse): Json {
  return result ?? value['error'] ?? null;
}

/**
 * What a server wants of the agent in a message that is no request; nothing where it wants nothing. Requests of the modern era ride
 * in results of any type (a task that waits for input is told of in a complete one) and in notifications about tasks.
 */
export function wantedBy(message: Exclude<RpcMessage, RpcRequest>): Json | undefined {
  if (message.kind === 'notification') return message.params['inputRequests'];
  return message.result === undefined ? pagesOf(message.value['error']) : message.result['inputRequests'];
}

/** The pages that an error wants a user to be shown (2025-11-25, "Elicitation"), as the requests that they are. */
function pagesOf(error: Json | undefined): Json | undefined {
  const data = isObject(error) && error['code'] === URL_ELICITATION_REQUIRED ? error['data'] : undefined;
  const pages = isObject(data) ? data['elicitations'] : undefined;
  if (pages === undefined) return undefined;
  // What is no list is nothing that could be decided.
  if (!Array.isArray(pages)) return null;
  return Object.fromEntries(pages.map((params, at) => [`${at}`, { method: 'elicitation/create', params }]));
}

/** Whether a notification says what a task brought. */
export function bringsTask({ method, params }: RpcNotification): boolean {
  return method === TASK_TOLD && (params['result'] !== undefined || params['error'] !== undefined);
}

/** Whether a result only names a task: in itself (2026-07-28), or in a member (2025-11-25). */
function isTask({ resultType, task }: JsonObject): boolean {
  return resultType === 'task' || (isObject(task) && typeof task['taskId'] === 'string');
}

function declined(id: RpcId, refusal: Refusal): Finding {
  return { verdict: 'drop', reason: refusal.code, decline: { id, refusal } };
}

/** The error that stands in for an answer which the server failed to give. */
export function upstreamError(id: RpcId | undefined, what: string): string {
  return rpcError(id, RPC_CODE.upstreamFailed, `the MCP server failed: ${what}`, { code: 'UPSTREAM_FAILED' });
}
