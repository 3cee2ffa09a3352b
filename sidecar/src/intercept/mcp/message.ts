/**
 * Strict JSON-RPC reading from raw bytes (contracts §1, reliability A2, A3). Accepts less than JSON-RPC and MCP do: one
 * message, no batch, no member that we do not know, no two members that a case-insensitive reader would confuse.
 */

import { type Json, type JsonLimits, type JsonObject, parseStrictJson } from '@portcullis/runtime';
import { RPC_CODE } from '../../enforce/refuse.js';

/** A JSON-RPC id as MCP allows it: a string or a safe integer, never null. */
export type RpcId = string | number;

/** Expects an answer. */
export interface RpcRequest {
  readonly kind: 'request';
  readonly id: RpcId;
  readonly method: string;
  readonly params: JsonObject;
  readonly value: JsonObject;
}

/** Expects none. */
export interface RpcNotification {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: JsonObject;
  readonly value: JsonObject;
}

/** An answer. `id` is absent only in errors about unreadable messages. */
export interface RpcResponse {
  readonly kind: 'response';
  readonly id: RpcId | undefined;
  /** Absent in an error. */
  readonly result: JsonObject | undefined;
  readonly value: JsonObject;
}

/** One JSON-RPC message. `value` is what was parsed; what goes on is its serialisation and nothing else. */
export type RpcMessage = RpcRequest | RpcNotification | RpcResponse;

/** Either a message or the JSON-RPC error that it earns. */
export type ReadMessage =
  | { readonly ok: true; readonly message: RpcMessage }
  | { readonly ok: false; readonly rpcCode: number; readonly message: string; readonly id: RpcId | undefined };

/** Characters; far more than any client uses, and small enough to keep per-id tables small. */
export const MAX_ID_LENGTH = 256;
const MAX_METHOD_LENGTH = 128;
const CALL_MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);
const ANSWER_MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result', 'error']);

/** Every parameter name of both protocol generations that something here or upstream acts on. */
const PARAM_NAMES = [
  '_meta',
  'arguments',
  'argument',
  'capabilities',
  'clientInfo',
  'context',
  'cursor',
  'inputResponses',
  'level',
  'message',
  'name',
  'notifications',
  'protocolVersion',
  'ref',
  'requestId',
  'requestState',
  'task',
  'taskId',
  'uri',
] as const;
const PARAM_BY_FOLD: ReadonlyMap<string, string> = new Map(PARAM_NAMES.map((name) => [fold(name), name]));

/** Reads one message. Never throws. */
export function readMessage(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): ReadMessage {
  const parsed = parseStrictJson(bytes, limits);
  if (!parsed.ok) {
    return failure(RPC_CODE.parseError, `not acceptable JSON: ${parsed.reason} at byte ${parsed.offset}`);
  }
  const value: Json = parsed.value;
  if (Array.isArray(value)) return failure(RPC_CODE.invalidRequest, 'batches are not accepted');
  if (!isObject(value)) return failure(RPC_CODE.invalidRequest, 'a message must be an object');
  const id = isRpcId(value['id']) ? value['id'] : undefined;
  if (value['jsonrpc'] !== '2.0') return failure(RPC_CODE.invalidRequest, 'jsonrpc must be "2.0"', id);
  return Object.hasOwn(value, 'method') ? readCall(value, id) : readAnswer(value, id);
}

function readCall(value: JsonObject, id: RpcId | undefined): ReadMessage {
  const stranger = Object.keys(value).find((key) => !CALL_MEMBERS.has(key));
  if (stranger !== undefined) return failure(RPC_CODE.invalidRequest, `unknown member ${quoted(stranger)}`, id);
  if (Object.hasOwn(value, 'id') && id === undefined) {
    return failure(RPC_CODE.invalidRequest, `id must be a string of at most ${MAX_ID_LENGTH} characters or an integer`);
  }
  const method = value['method'];
  if (typeof method !== 'string' || method.length === 0 || method.length > MAX_METHOD_LENGTH) {
    return failure(RPC_CODE.invalidRequest, `method must be a string of 1 to ${MAX_METHOD_LENGTH} characters`, id);
  }
  const params = value['params'];
  if (params !== undefined && !isObject(params)) return failure(RPC_CODE.invalidParams, 'params must be an object', id);
  const confusing = params === undefined ? undefined : confusable(params);
  if (confusing !== undefined) return failure(RPC_CODE.invalidRequest, confusing, id);
  const call = { method, params: params ?? {}, value };
  return { ok: true, message: id === undefined ? { kind: 'notification', ...call } : { kind: 'request', id, ...call } };
}

function readAnswer(value: JsonObject, id: RpcId | undefined): ReadMessage {
  const stranger = Object.keys(value).find((key) => !ANSWER_MEMBERS.has(key));
  if (stranger !== undefined) return failure(RPC_CODE.invalidRequest, `unknown member ${quoted(stranger)}`, id);
  const { result, error } = value;
  if ((result === undefined) === (error === undefined)) {
    return failure(RPC_CODE.invalidRequest, 'a message has either a method, a result or an error', id);
  }
  if (result !== undefined) {
    if (id === undefined) return failure(RPC_CODE.invalidRequest, 'a result needs the id of its request');
    if (!isObject(result)) return failure(RPC_CODE.invalidRequest, 'a result must be an object', id);
    return { ok: true, message: { kind: 'response', id, result, value } };
  }
  if (!isObject(error) || !Number.isSafeInteger(error['code']) || typeof error['message'] !== 'string') {
    return failure(RPC_CODE.invalidRequest, 'an error needs an integer code and a message', id);
  }
  // Servers of both generations answer unreadable messages with an id of null or none.
  if (id === undefined && (value['id'] ?? null) !== null) return failure(RPC_CODE.invalidRequest, 'unusable id');
  return { ok: true, message: { kind: 'response', id, result: undefined, value } };
}

/** What a reader that ignores case could take for something else, in the parameters or their `arguments`. */
function confusable(params: JsonObject): string | undefined {
  for (const key of Object.keys(params)) {
    const meant = PARAM_BY_FOLD.get(fold(key));
    if (meant !== undefined && meant !== key) return `params member ${quoted(key)} differs from ${meant} only by case`;
  }
  const args = params['arguments'];
  const twin = twins(params) ?? (isObject(args) ? twins(args) : undefined);
  return twin === undefined ? undefined : `members that differ only by case: ${quoted(twin)}`;
}

function twins(object: JsonObject): string | undefined {
  const seen = new Set<string>();
  for (const key of Object.keys(object)) {
    const folded = fold(key);
    if (seen.has(folded)) return key;
    seen.add(folded);
  }
  return undefined;
}

/** Upper before lower, so that long s and Kelvin sign fold to s and k, as they do in Go's encoding/json. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/** Whether the value is a JSON object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether the value can be a JSON-RPC id. */
export function isRpcId(value: Json | undefined): value is RpcId {
  return typeof value === 'string' ? value.length <= MAX_ID_LENGTH : Number.isSafeInteger(value);
}

/** A table key that keeps `1` and `"1"` apart. */
export function idKey(id: RpcId): string {
  return typeof id === 'string' ? `s${id}` : `n${id}`;
}

function failure(rpcCode: number, message: string, id?: RpcId): ReadMessage {
  return { ok: false, rpcCode, message, id };
}

/** For messages: short, and escaped so that no control or bidi character reaches a terminal. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40)).replace(/[^\x20-\x7e]/gu, '?');
}
