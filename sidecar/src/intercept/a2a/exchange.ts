/** One HTTP exchange with the local agent: read, decide, forward, relay, settle. Reads top to bottom; nothing is skipped. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CanonicalRequest, JsonObject } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger, parseStrictJson } from '@portcullis/runtime';
import type { PolicyClient } from '../../ask/port.js';
import { type Behalf, type BehalfReader, isBehalf } from '../../behalf/behalf.js';
import { createAccounts } from '../../enforce/account.js';
import { isRefusal } from '../../enforce/guard.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Permit } from '../../enforce/permit.js';
import { type Refusal, RPC_CODE } from '../../enforce/refuse.js';
import type { ExchangeObserver, RelayOutcome } from '../exchange-outcome.js';
import { abortedWith } from '../http/aborted-with.js';
import { collect } from '../http/body.js';
import type { Headers } from '../http/upstream.js';
import { isObject, type RpcId, type RpcRequest, readMessage } from '../mcp/message.js';
import type { Enforcement } from '../surface.js';
import { refusalError } from './answer.js';
import type { AgentCard, CardEndpoint } from './card.js';
import { createCardDesk } from './card-desk.js';
import type { A2aConfig } from './config.js';
import {
  DELEGATION_HEADER,
  type DelegationChain,
  delegationContext,
  extendedDelegation,
  readDelegation,
} from './delegation.js';
import { type Head, type HeadRules, readHead } from './head.js';
import { ambiguity } from './members.js';
import { type Generation, type MethodRow, methodRow, taskOfResult } from './methods.js';
import type { Peer } from './peer.js';
import { createAnswerRedaction } from './redaction.js';
import { type Relay, say } from './relay.js';
import { type RestTarget, withBody } from './rest.js';
import { skillOf } from './skill.js';
import { RPC_VOICE, restVoice, type Voice } from './voice.js';

/** What an exchange needs. */
export interface A2aExchangeOptions extends Enforcement {
  readonly client: Pick<PolicyClient, 'settle' | 'report'>;
  readonly behalf: BehalfReader;
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly rules: HeadRules;
  readonly relay: Relay;
  readonly observer: ExchangeObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxDelegationDepth: number;
  readonly limits: Pick<A2aConfig['limits'], 'bodyTimeoutMs' | 'maxBodyBytes' | 'maxResponseBytes'>;
}

/** Serves one request. Never rejects. */
export type A2aExchange = (request: IncomingMessage, response: ServerResponse, signal: AbortSignal) => Promise<void>;

/** Makes the exchange. */
export function createA2aExchange(options: A2aExchangeOptions): A2aExchange {
  const { guard, refuser, requestOf, limits, clock, observer } = options;
  const openAccount = createAccounts(options.client, clock);
  const cards = createCardDesk(options);

  return async (request, response, signal) => {
    const startedAt = clock.monotonic();
    const head = readHead(request, options.rules);
    try {
      if (!head.ok) {
        const { status, rpcCode, message, headers } = head;
        // The body was not read, so the connection ends with this answer.
        response.setHeader('connection', 'close');
        for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
        const refusal = refuser.refuse('REQUEST_INVALID', { message, rpcCode, httpStatus: status });
        return sendRefusal(response, refusal, status);
      }
      const peer = options.peers.get(head.peer);
      if (peer === undefined) throw new TypeError('the head names no peer');
      const behalf = options.behalf.ofHeaders(request.rawHeaders);
      const doubt = isBehalf(behalf) ? options.behalf.lacks(behalf) : behalf;
      const address = `http://${head.host}/a2a/${head.peer}`;
      const voice = head.rest === undefined ? RPC_VOICE : restVoice(head.rest.status);
      const turn: Turn = { head, peer, behalf: isBehalf(behalf) ? behalf : {}, voice, response, signal, address };
      if (doubt !== undefined) return unreadable(turn, 400, doubt.problem);
      await (head.wants === 'card' ? cards.show(turn) : message(turn, request));
    } catch (thrown) {
      const refusal = refuser.fault(thrown);
      sendRefusal(response, refusal, refusal.httpStatus);
    } finally {
      if (head.ok && head.wants === 'message') observer.took((clock.monotonic() - startedAt) / 1000);
    }
  };

  async function message(turn: Turn, request: IncomingMessage): Promise<void> {
    const announced = Number(turn.head.headers.get('content-length') ?? 0);
    if (announced > limits.maxBodyBytes) return unreadable(turn, 413, 'the body is larger than allowed');
    const collected = await collect(request, { maxBytes: limits.maxBodyBytes, timeoutMs: limits.bodyTimeoutMs });
    if (collected.kind === 'broken') return;
    if (collected.kind === 'too_large') return unreadable(turn, 413, 'the body is larger than allowed');
    if (collected.kind === 'late') return unreadable(turn, 408, 'the body took too long');
    if (request.rawTrailers.length > 0) return unreadable(turn, 400, 'trailers are not accepted');

    const bytes = turn.head.rest === undefined ? collected.bytes : asRpc(turn.head.rest, collected.bytes);
    if (typeof bytes === 'string') return refused(turn, undefined, invalid(bytes, RPC_CODE.invalidParams));
    const read = readMessage(bytes, { maxBytes: limits.maxBodyBytes + MAX_ENVELOPE_BYTES });
    if (!read.ok) return refused(turn, read.id, invalid(read.message, read.rpcCode));
    const { message: call } = read;
    if (call.kind !== 'request') return refused(turn, undefined, invalid('expected a JSON-RPC request with an id'));
    const row = methodRow(call.method);
    if (row === undefined) {
      const unknown = refuser.refuse('METHOD_UNKNOWN', { message: "the method is none of A2A's JSON-RPC binding" });
      return refused(turn, call.id, unknown);
    }
    return attempt(turn, call, row);
  }

  /** The JSON-RPC request that one of the other binding stands for; a text says why it stands for none. */
  function asRpc(target: RestTarget, bytes: Buffer): Buffer | string {
    const parsed = bytes.length === 0 ? undefined : parseStrictJson(bytes, { maxBytes: limits.maxBodyBytes });
    if (parsed?.ok === false) return `the body is not strict JSON: ${parsed.reason}`;
    const body = parsed?.value ?? {};
    const params = isObject(body) ? withBody(target, body) : 'expected a JSON object';
    if (typeof params === 'string') return params;
    return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: REST_ID, method: target.method, params }));
  }

  async function attempt(turn: Turn, call: RpcRequest, row: MethodRow): Promise<void> {
    const { generation } = row;
    const no = (refusal: Refusal): void => refused(turn, call.id, refusal, generation);
    const { headers } = turn.head;
    const version = headers.get('a2a-version');
    if (version !== undefined && version.trim() !== '' && version.trim() !== generation) {
      return no(invalid(`a2a-version must be ${generation}: the method is of that version`));
    }
    const doubtful = ambiguity(call.params) ?? shapeProblem(row, call.params);
    if (doubtful !== undefined) return no(invalid(doubtful, RPC_CODE.invalidParams));
    const delegation = readDelegation(headers.get(DELEGATION_HEADER), options.maxDelegationDepth);
    if (!delegation.ok) return no(invalid(delegation.message));

    const looked = await turn.peer.cards.current();
    if (!looked.ok) return no(unaccepted(looked.reason));
    const endpoint = looked.card.endpoints.get(generation);
    if (endpoint === undefined) return no(invalid(`this agent does not speak A2A ${generation}; see its card`));
    const found = skillOf(turn.peer.skillRule, looked.card, row, call.params, turn.peer.tasks);
    if (!found.ok) return no(invalid(found.message, RPC_CODE.invalidParams));

    const request = canonical(turn, call, row, endpoint, found.skill, delegation.chain);
    const self = `${request.tenant_id}/${request.agent.id}`;
    if (delegation.chain.some(({ agent }) => agent === self)) {
      return no(
        invalid(`${DELEGATION_HEADER}: this agent has handed the task on before; it would go round in a circle`),
      );
    }
    const payload = JSON.stringify(call.value);
    const trace = { traceparent: headers.get('traceparent'), tracestate: headers.get('tracestate') };
    const outcome = await guard({ request, server: turn.peer.name, direction: 'client_to_server', payload, trace });
    if (isRefusal(outcome)) return no(outcome);
    const passed: Headers = {
      ...forwardable(headers),
      accept: row.streams ? 'text/event-stream, application/json' : 'application/json',
      'a2a-version': generation,
      ...(turn.peer.delegationHeader
        ? {
            [DELEGATION_HEADER]: extendedDelegation(delegation.chain, {
              agent: self,
              decision_id: outcome.decision_id,
            }),
          }
        : {}),
    };
    await carryOut(turn, {
      call,
      row,
      request,
      endpoint,
      permit: outcome,
      headers: passed,
      ...looked,
      skill: found.skill,
    });
  }

  function canonical(
    turn: Turn,
    { method, params }: RpcRequest,
    { generation }: MethodRow,
    { url }: CardEndpoint,
    skill: string | undefined,
    chain: DelegationChain,
  ): CanonicalRequest {
    const extensions = turn.head.headers.get('a2a-extensions');
    return requestOf({
      behalf: turn.behalf,
      kind: 'a2a',
      peer: { agent_id: turn.peer.name, url: url.href, ...(skill === undefined ? {} : { skill }) },
      // What goes upstream is part of the question, so the digest covers every byte that is forwarded.
      // A record names tools; the skill is what a peer has of them.
      tool: {
        server: turn.peer.name,
        ...(skill === undefined ? {} : { name: skill }),
        operation: method,
        arguments: params,
        attributes: {
          direction: 'client_to_server',
          protocol_version: generation,
          ...(extensions === undefined ? {} : { extensions }),
        },
      },
      delegation: delegationContext(chain),
    });
  }

  /** Sends under a permit, relays what comes back, and settles. */
  async function carryOut(turn: Turn, allowed: Allowed): Promise<void> {
    const { permit, call, row, request, endpoint, card, skill } = allowed;
    const account = openAccount(permit);
    let outcome: RelayOutcome = 'upstream_failed';
    const cut = abortedWith(turn.signal);
    const { signal } = cut;
    const ended = options.open.add(request, () => {
      cutOff(turn, call.id, row.generation, request);
      // The agent has not left: it has its answer.
      cut.abort();
    });
    try {
      const upstream = turn.peer.upstream(endpoint);
      const reply = await upstream.forward(permit, 'POST', allowed.headers, signal);
      outcome = await options.relay({
        reply,
        response: turn.response,
        id: call.id,
        voice: turn.voice,
        streams: row.streams,
        isHeld: permit.report !== undefined,
        redaction:
          permit.redaction === undefined
            ? undefined
            : createAnswerRedaction(permit.redaction, options.limits.maxResponseBytes),
        release: account.release,
        received: account.received,
        learned: (result) => {
          const task = taskOfResult(result);
          if (row.task === 'message' && task !== undefined && skill !== undefined)
            turn.peer.tasks.remember(task, skill);
        },
        ...(row.answersCard ? { replaced: (result) => cards.extended(turn, card, result) } : {}),
      });
    } catch (thrown) {
      if (!signal.aborted) options.log.warn({ [LOG_FIELD.error]: thrown }, 'Peer could not be reached');
      say(turn.response, turn.voice.failure(call.id, 'it could not be reached'));
    } finally {
      ended();
      observer.carriedOut('a2a_proxy', outcome);
      account.settle(outcome);
    }
  }

  /** Ends it for the agent; an answer that has begun cannot be told why. */
  function cutOff(turn: Turn, id: RpcId, generation: Generation, request: CanonicalRequest): void {
    if (turn.response.headersSent) turn.response.destroy();
    else refused(turn, id, refuser.refuse('KILL_SWITCH', { request }), generation);
  }

  function unaccepted(reason: string): Refusal {
    return refuser.refuse('IDENTITY_REJECTED', { message: `the agent cannot be spoken to: ${reason}` });
  }

  function invalid(text: string, rpcCode: number = RPC_CODE.invalidRequest): Refusal {
    return refuser.refuse('REQUEST_INVALID', { message: text, rpcCode });
  }

  function unreadable(turn: Turn, status: number, text: string): void {
    // What was not read is still on its way; the connection cannot carry another request.
    turn.response.setHeader('connection', 'close');
    const refusal = invalid(text);
    say(turn.response, { status, text: turn.voice.refusal(undefined, { ...refusal, httpStatus: status }).text });
  }
}

/** A request whose head is in order. */
export interface Turn {
  readonly head: Head;
  readonly peer: Peer;
  /** For whom the agent acts, and for what. */
  readonly behalf: Behalf;
  readonly voice: Voice;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  /** Where the local agent reaches this peer. */
  readonly address: string;
}

interface Allowed {
  readonly call: RpcRequest;
  readonly row: MethodRow;
  readonly request: CanonicalRequest;
  readonly endpoint: CardEndpoint;
  readonly permit: Permit;
  readonly headers: Headers;
  readonly card: AgentCard;
  readonly skill: string | undefined;
}

/** An exchange of the other binding is one request, so any id will do. */
const REST_ID = 1;
/** What the envelope, and ids in a path, add to a body. */
const MAX_ENVELOPE_BYTES = 8_192;

/** What passes besides the message. A list of what may, because what may not cannot be listed. */
const PASS = ['a2a-extensions', 'traceparent', 'tracestate'] as const;

function forwardable(headers: ReadonlyMap<string, string>): Headers {
  const passed: Record<string, string> = {};
  for (const name of PASS) {
    const value = headers.get(name);
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}

/** Policies read `tool.arguments.message.parts`; what is said elsewhere, or nowhere, is no message. */
function shapeProblem(row: MethodRow, params: JsonObject): string | undefined {
  if (row.task === undefined) return undefined;
  if (row.task !== 'message') {
    const id = params[row.task];
    return typeof id === 'string' && id !== '' ? undefined : `params.${row.task}: expected the id of a task`;
  }
  const sent = params['message'];
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return 'params.message: expected an object';
  const { parts } = sent as JsonObject;
  return Array.isArray(parts) && parts.length > 0
    ? undefined
    : 'params.message.parts: expected a list of at least one part';
}

function refused(turn: Turn, id: RpcId | undefined, refusal: Refusal, generation?: Generation): void {
  say(turn.response, turn.voice.refusal(id, refusal, generation));
}

function sendRefusal(response: ServerResponse, refusal: Refusal, status: number): void {
  say(response, { status, text: refusalError(undefined, refusal) });
}
