/** How the local agent is answered: in JSON-RPC, or as the HTTP+JSON binding has it (specification v1.0.0, 11.6). */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { Refusal } from '../../enforce/refuse.js';
import { sseEvent } from '../http/late-answer.js';
import { withData } from '../http/sse.js';
import type { RpcId } from '../mcp/message.js';
import { isObject } from '../mcp/message.js';
import { peerError, refusalError } from './answer.js';
import type { Generation } from './methods.js';

/** An answer that is whole. */
export interface Said {
  readonly status: number;
  /** None where there is nothing to say. */
  readonly text: string | Buffer | undefined;
}

/** Says it. Messages are those of JSON-RPC, strictly read, or made here. */
export interface Voice {
  refusal(id: RpcId | undefined, refusal: Refusal, generation?: Generation): Said;
  /** The peer failed. */
  failure(id: RpcId | undefined, what: string): Said;
  /** The same in a stream that has begun. */
  failureEvent(id: RpcId | undefined, what: string): Buffer;
  /** @param raw its bytes, where they are as the peer sent them */
  answer(message: JsonObject, raw?: Buffer): Said;
  /** @param raw the peer's event; `isAsSent`: its data is the message */
  event(message: JsonObject, raw: Buffer | undefined, isAsSent: boolean): Buffer;
}

/** The voice of JSON-RPC: what the peer said, byte for byte. An error is HTTP 200, for the exchange itself worked. */
export const RPC_VOICE: Voice = {
  refusal: (id, refusal, generation) => ({ status: 200, text: refusalError(id, refusal, generation) }),
  failure: (id, what) => ({ status: 200, text: peerError(id, what) }),
  failureEvent: (id, what) => sseEvent(peerError(id, what)),
  answer: (message, raw) => ({ status: 200, text: raw ?? JSON.stringify(message) }),
  event(message, raw, isAsSent) {
    if (raw !== undefined && isAsSent) return raw;
    const data = Buffer.from(JSON.stringify(message));
    return raw === undefined ? sseEvent(data) : withData(raw, data);
  },
};

/** What a JSON-RPC error is in HTTP and in google.rpc.Code (specification v1.0.0, 5.4). */
const STATUS: ReadonlyMap<Json | undefined, readonly [status: number, name: string]> = new Map<
  Json | undefined,
  readonly [number, string]
>([
  [-32001, [404, 'NOT_FOUND']],
  [-32002, [400, 'FAILED_PRECONDITION']],
  [-32003, [400, 'FAILED_PRECONDITION']],
  [-32004, [400, 'FAILED_PRECONDITION']],
  [-32005, [400, 'INVALID_ARGUMENT']],
  [-32007, [400, 'FAILED_PRECONDITION']],
  [-32008, [400, 'FAILED_PRECONDITION']],
  [-32009, [400, 'FAILED_PRECONDITION']],
  [-32600, [400, 'INVALID_ARGUMENT']],
  [-32601, [501, 'UNIMPLEMENTED']],
  [-32602, [400, 'INVALID_ARGUMENT']],
  [-32700, [400, 'INVALID_ARGUMENT']],
]);
const BY_HTTP: ReadonlyMap<number, string> = new Map([
  [400, 'INVALID_ARGUMENT'],
  [403, 'PERMISSION_DENIED'],
  [404, 'NOT_FOUND'],
  [429, 'RESOURCE_EXHAUSTED'],
  [502, 'UNAVAILABLE'],
  [503, 'UNAVAILABLE'],
]);

/** The voice of HTTP+JSON. @param success the status of an answer that is none of an error */
export function restVoice(success: number): Voice {
  const isError = ({ error }: JsonObject): boolean => error !== undefined;
  return {
    refusal: (id, refusal) => whole(refusalError(id, refusal), refusal.httpStatus),
    failure: (id, what) => whole(peerError(id, what), 502),
    failureEvent: (id, what) => errorEvent(bodyOf(JSON.parse(peerError(id, what)) as JsonObject, 502).body),
    answer(message) {
      if (isError(message)) {
        const { status, body } = bodyOf(message);
        return { status, text: JSON.stringify(body) };
      }
      return { status: success, text: success === 204 ? undefined : JSON.stringify(message['result'] ?? {}) };
    },
    event: (message) =>
      isError(message) ? errorEvent(bodyOf(message).body) : sseEvent(JSON.stringify(message['result'] ?? {})),
  };
}

function errorEvent(body: JsonObject): Buffer {
  return Buffer.concat([Buffer.from('event: error\n'), sseEvent(JSON.stringify(body))]);
}

function whole(rpcText: string, status: number): Said {
  return { status, text: JSON.stringify(bodyOf(JSON.parse(rpcText) as JsonObject, status).body) };
}

/** The error of a message, as google.rpc.Status in JSON. */
function bodyOf({ error }: JsonObject, httpStatus?: number): { readonly status: number; readonly body: JsonObject } {
  const { code, message, data } = isObject(error) ? error : {};
  const [known = 500, knownName = 'UNKNOWN'] = STATUS.get(code) ?? [];
  const status = httpStatus ?? known;
  const name = httpStatus === undefined ? knownName : (BY_HTTP.get(httpStatus) ?? 'UNKNOWN');
  const details = Array.isArray(data) ? data : [];
  return { status, body: { error: { code: status, status: name, message: message ?? '', details } } };
}
