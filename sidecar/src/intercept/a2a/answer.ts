/** JSON-RPC answers: those of peers, read strictly, and our own, in A2A's shape. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import { type Refusal, RPC_CODE } from '../../enforce/refuse.js';
import { isObject, isRpcId, type RpcId } from '../mcp/message.js';
import type { Generation } from './methods.js';

/** An answer of a peer. */
export interface PeerAnswer {
  /** Whether it is an error. */
  readonly isError: boolean;
  /** The result, or the error object. */
  readonly brings: Json;
}

const MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result', 'error']);

/** The answer to request `id`; a text says why it is none. An error may lack the id: its request was not readable. */
export function readPeerAnswer(bytes: Uint8Array, id: RpcId, maxBytes: number): PeerAnswer | string {
  const parsed = parseStrictJson(bytes, { maxBytes });
  if (!parsed.ok) return `its answer is not acceptable JSON: ${parsed.reason}`;
  const { value } = parsed;
  if (!isObject(value) || value['jsonrpc'] !== '2.0' || Object.keys(value).some((name) => !MEMBERS.has(name))) {
    return 'its answer is not a JSON-RPC message';
  }
  const hasResult = Object.hasOwn(value, 'result');
  // Some servers send both, one of them null.
  const error = value['error'] ?? undefined;
  if (hasResult === (error !== undefined)) return 'its answer has neither a result nor an error';
  const given = value['id'] ?? undefined;
  if (error === undefined) return given === id ? { isError: false, brings: value['result'] ?? null } : OTHER;
  if (given !== id && given !== undefined) return OTHER;
  const isError = isObject(error) && Number.isSafeInteger(error['code']) && typeof error['message'] === 'string';
  return isError ? { isError: true, brings: error } : 'its error is none';
}

const OTHER = 'its answer is to another request';

/** The text of a JSON-RPC error. */
export function rpcError(id: RpcId | undefined, code: number, message: string, data?: Json): string {
  const error = { code, message, ...(data === undefined ? {} : { data }) };
  return JSON.stringify({ jsonrpc: '2.0', id: id !== undefined && isRpcId(id) ? id : null, error });
}

/** What a failing peer earns. */
export function peerError(id: RpcId | undefined, what: string): string {
  return rpcError(id, RPC_CODE.upstreamFailed, `the other agent failed: ${what}`);
}

/** Says who speaks in error details. */
const DOMAIN = 'portcullis';

/**
 * The JSON-RPC error of a refusal. In 1.0 `data` is a list of typed details (specification v1.0.0, 9.5): an ErrorInfo, whose
 * metadata are texts, and a Struct with everything; in 0.3 it is that object itself.
 */
export function refusalError(id: RpcId | undefined, refusal: Refusal, generation: Generation = '1.0'): string {
  const { code, message, outcome, reason_code, decision_id, path, hold } = refusal;
  const about = [
    code,
    ...(reason_code === undefined ? [] : [reason_code]),
    ...(decision_id === undefined ? [] : [`decision ${decision_id}`]),
    ...(hold === undefined ? [] : [`approval ${hold.approval_id}`]),
  ].join(', ');
  const texts = {
    outcome,
    ...(reason_code === undefined ? {} : { reason_code }),
    ...(decision_id === undefined ? {} : { decision_id }),
    ...(path === undefined ? {} : { path }),
  };
  const whole: JsonObject = { code, message, ...texts, ...(hold === undefined ? {} : { hold: { ...hold } }) };
  const data: Json =
    generation === '0.3'
      ? whole
      : [
          { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code, domain: DOMAIN, metadata: texts },
          { '@type': 'type.googleapis.com/google.protobuf.Struct', value: whole },
        ];
  return rpcError(id, refusal.rpcCode, `${message} (${about})`, data);
}
