/**
 * An MCP interceptor (SEP-1763, draft): a server with one validator, for hosts and gateways that ask interceptors before
 * they send. What a validator says is all that it can do: the host enforces it.
 */

import type { JsonObject } from '@portcullis/policy/model';
import { type Behalf, type BehalfReader, isBehalf } from '../../behalf/behalf.js';
import { isRefusal } from '../../enforce/guard.js';
import type { Permit } from '../../enforce/permit.js';
import { type Refusal, RPC_CODE } from '../../enforce/refuse.js';
import { isObject, type RpcRequest, readMessage } from '../mcp/message.js';
import { methodTable, targetOf } from '../mcp/methods.js';
import { rpcError } from '../mcp/to-response.js';
import type { Enforcement } from '../surface.js';

/** The validator's name. */
export const VALIDATOR = 'portcullis';
const VERSION = '0.1.0';
const INVOKE = 'interceptor/invoke';
/** Revisions of MCP that a host may open with. */
const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
/** The operations of an agent towards a server that carry content, or ask for some. */
const EVENTS = [
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/read',
  'resources/subscribe',
  'completion/complete',
];
/** `tool.server` when the host's configuration of the interceptor does not name one. */
const UNNAMED_SERVER = 'interceptor';

/** Answers one JSON-RPC message; `undefined` where none is due. Never rejects. */
export type Interceptor = (bytes: Uint8Array, maxBytes: number, behalf: Behalf) => Promise<string | undefined>;

/** Makes it. */
export function createInterceptor({
  guard,
  requestOf,
  refuser,
  reader,
  unused,
}: Enforcement & {
  /** Reads on whose behalf the message is. */
  readonly reader: Pick<BehalfReader, 'lacks' | 'ofMessage'>;
  /** Told of a permit under which nothing will be done. */
  readonly unused: (permit: Permit) => void;
}): Interceptor {
  /** A validator sees no result, so none that was asked for could be reported. */
  function enforceable(outcome: Permit | Refusal): Permit | Refusal {
    if (isRefusal(outcome) || outcome.report === undefined) return outcome;
    unused(outcome);
    return refuser.refuse('OBLIGATION_UNSUPPORTED', {
      message: 'the decision asks for a report of the result, which an interceptor never sees',
      decision_id: outcome.decision_id,
    });
  }

  /** What cannot be asked about is an attempt all the same, and on record. */
  function unusable(
    id: RpcRequest['id'] | undefined,
    message: string,
    rpcCode: number = RPC_CODE.invalidParams,
  ): string {
    refuser.refuse('REQUEST_INVALID', { message, rpcCode, target: { operation: INVOKE } });
    return rpcError(id, rpcCode, message);
  }

  async function validate({ id, params }: RpcRequest, behalf: Behalf): Promise<string> {
    const asked = readInvocation(params);
    if (typeof asked === 'string') return unusable(id, asked);
    const said = reader.ofMessage(asked.message, behalf);
    const doubt = isBehalf(said) ? reader.lacks(said.behalf) : said;
    if (!isBehalf(said) || doubt !== undefined) return unusable(id, doubt?.problem ?? '', RPC_CODE.invalidRequest);
    const row = methodTable('client_to_server').get(asked.event);
    const target = row === undefined ? 'the event is not known' : targetOf(row, said.message.params);
    if (typeof target === 'string') return unusable(id, target);
    const { kind, name, arguments: args, rest } = target;
    const request = requestOf({
      behalf: said.behalf,
      kind,
      tool: {
        server: asked.server,
        operation: asked.event,
        ...(name === undefined ? {} : { name }),
        ...(args === undefined ? {} : { arguments: args }),
        attributes: {
          direction: 'client_to_server',
          interceptor: true,
          ...(Object.keys(rest).length === 0 ? {} : { params: rest }),
        },
      },
    });
    const outcome = enforceable(
      await guard({ request, server: VALIDATOR, direction: 'client_to_server', payload: undefined }),
    );
    const common = { interceptor: VALIDATOR, type: 'validation', phase: 'request' };
    return result(
      id,
      isRefusal(outcome)
        ? { ...common, valid: false, severity: 'error', messages: [messageOf(outcome)], info: infoOf(outcome) }
        : { ...common, valid: true, info: { decision_id: outcome.decision_id } },
    );
  }

  return async (bytes, maxBytes, behalf) => {
    const read = readMessage(bytes, { maxBytes });
    if (!read.ok) return unusable(read.id, read.message, read.rpcCode);
    const { message } = read;
    if (message.kind !== 'request') return undefined;
    const { id, method, params } = message;
    try {
      switch (method) {
        case 'initialize': {
          const wanted = params['protocolVersion'];
          const protocolVersion = LEGACY.find((version) => version === wanted) ?? LEGACY[0] ?? '';
          return result(id, { protocolVersion, capabilities: CAPABILITIES, serverInfo: SERVER });
        }
        case 'server/discover':
          return result(id, {
            resultType: 'complete',
            supportedVersions: ['2026-07-28'],
            capabilities: CAPABILITIES,
            serverInfo: SERVER,
          });
        case 'ping':
          return result(id, {});
        case 'interceptors/list': {
          const event = params['event'];
          const isMeant = event === undefined || event === '*' || EVENTS.some((known) => known === event);
          return result(id, { interceptors: isMeant ? [DESCRIPTION] : [] });
        }
        case INVOKE:
          return await validate(message, behalf);
        default:
          return rpcError(id, RPC_CODE.methodNotFound, 'expected interceptors/list or interceptor/invoke');
      }
    } catch (thrown) {
      const refusal = refuser.fault(thrown);
      return rpcError(id, RPC_CODE.internalError, refusal.message, { code: refusal.code });
    }
  };
}

const CAPABILITIES: JsonObject = { experimental: { interceptors: { supportedEvents: EVENTS } } };
const SERVER: JsonObject = { name: VALIDATOR, version: VERSION };
const DESCRIPTION: JsonObject = {
  name: VALIDATOR,
  version: VERSION,
  description: 'Decides what an agent attempts by policy.',
  type: 'validation',
  hook: { events: EVENTS, phase: 'request' },
  mode: 'enforce',
  failOpen: false,
  configSchema: {
    type: 'object',
    properties: { server: { type: 'string', description: 'The MCP server that is addressed: tool.server.' } },
    additionalProperties: false,
  },
};

interface Invocation {
  readonly event: string;
  readonly server: string;
  readonly message: RpcRequest;
}

/**
 * What is asked; a text says what is wrong. The payload is a message's `method` and `params`, or the `params` alone. The host sends
 * all of it, so it is read as strictly as what the proxy sends: nothing beside what is asked about, nothing that two readers could
 * take for two things.
 */
function readInvocation({ name, event, phase, payload, config = {} }: JsonObject): Invocation | string {
  if (name !== VALIDATOR) return `params.name: expected "${VALIDATOR}"`;
  if (typeof event !== 'string' || !EVENTS.includes(event)) return `params.event: expected one of ${EVENTS.join(', ')}`;
  if (phase !== 'request') return 'params.phase: expected "request"';
  if (!isObject(config)) return 'params.config: expected an object';
  const { server = UNNAMED_SERVER, ...strays } = config;
  if (typeof server !== 'string' || server === '' || server.length > 256)
    return 'params.config.server: expected a name';
  if (Object.keys(strays).length > 0) return 'params.config: expected nothing but server';
  if (!isObject(payload)) return 'params.payload: expected an object';
  const isMessage = Object.hasOwn(payload, 'method');
  if (isMessage && payload['method'] !== event) return 'params.payload.method: differs from params.event';
  const whole = { ...(isMessage ? payload : { method: event, params: payload }), jsonrpc: '2.0', id: 0 };
  const read = readMessage(Buffer.from(JSON.stringify(whole)));
  if (!read.ok) return `params.payload: ${read.message}`;
  if (read.message.kind !== 'request') return 'params.payload: expected a request';
  return { event, server, message: read.message };
}

function messageOf({ message, path }: Refusal): JsonObject {
  return { message, severity: 'error', ...(path === undefined ? {} : { path }) };
}

function infoOf({ code, decision_id, reason_code, hold }: Refusal): JsonObject {
  return {
    code,
    ...(decision_id === undefined ? {} : { decision_id }),
    ...(reason_code === undefined ? {} : { reason_code }),
    ...(hold === undefined ? {} : { hold: { ...hold } }),
  };
}

function result(id: RpcRequest['id'], value: JsonObject): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: value });
}
