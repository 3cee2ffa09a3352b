/** From a refusal to what an MCP client understands: a JSON-RPC error, and for HTTP a status. */

import type { JsonObject } from '@portcullis/policy/model';
import { type Refusal, RPC_CODE } from '../../enforce/refuse.js';
import type { RpcId } from './message.js';
import type { Era } from './methods.js';

/** The text of a JSON-RPC error. Without an id it is the answer to something unreadable or to a notification. */
export function rpcError(id: RpcId | undefined, code: number, message: string, data?: JsonObject): string {
  const error = { code, message, ...(data === undefined ? {} : { data }) };
  return JSON.stringify(id === undefined ? { jsonrpc: '2.0', error } : { jsonrpc: '2.0', id, error });
}

/** The JSON-RPC error of a refusal. `data` carries everything that a program or a person needs to go on. */
export function refusalError(id: RpcId | undefined, refusal: Refusal): string {
  const { code, message, reason_code, decision_id, path, hold } = refusal;
  const about = [
    code,
    ...(reason_code === undefined ? [] : [reason_code]),
    ...(decision_id === undefined ? [] : [`decision ${decision_id}`]),
    ...(hold === undefined ? [] : [`approval ${hold.approval_id}`]),
  ].join(', ');
  return rpcError(id, refusal.rpcCode, `${message} (${about})`, {
    code,
    message,
    outcome: refusal.outcome,
    ...(reason_code === undefined ? {} : { reason_code }),
    ...(decision_id === undefined ? {} : { decision_id }),
    ...(path === undefined ? {} : { path }),
    ...(hold === undefined ? {} : { hold: { ...hold } }),
  });
}

/**
 * The HTTP status of a refused request. 200, because the exchange itself worked and both SDK generations hand a
 * JSON-RPC error to the caller only then; other statuses they report as a broken transport. Where the specification
 * fixes a status (a header that differs from the body is 400, in 2026-07-28 an unknown method is 404) it is that one.
 */
export function statusOfRefusedRequest(refusal: Refusal, era: Era): number {
  if (refusal.rpcCode === RPC_CODE.headerMismatch) return 400;
  return refusal.rpcCode === RPC_CODE.methodNotFound && era === 'modern' ? 404 : 200;
}
