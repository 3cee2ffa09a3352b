/** Requests on the sidecar's own account: decided like the agent's. */

import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@portcullis/policy/model';
import type { Refusal } from '../../../enforce/refuse.js';
import { isObject, type RpcRequest } from '../message.js';
import { LIST_TOOLS } from '../to-attempt.js';

/** Longest that a page may take, milliseconds. */
export const PAGE_TIMEOUT_MS = 30_000;

/** A request on our own account was refused. */
export class OwnRequestRefused extends Error {
  override readonly name = 'OwnRequestRefused';
  readonly refusal: Refusal;

  /** @param method what was asked for */
  constructor(method: string, refusal: Refusal) {
    super(`${method} may not be asked: ${refusal.code}`);
    this.refusal = refusal;
  }
}

/** What 2026-07-28 demands of every request. */
const REQUIRED_META = [
  'io.modelcontextprotocol/protocolVersion',
  'io.modelcontextprotocol/clientInfo',
  'io.modelcontextprotocol/clientCapabilities',
] as const;

/** The request for a page, of tools unless said otherwise, by the same client and in the same revision as `call`. */
export function pageRequest(
  call: Pick<RpcRequest, 'params'>,
  cursor: string | undefined,
  method: string = LIST_TOOLS,
): RpcRequest {
  const given = call.params['_meta'];
  const meta = isObject(given)
    ? Object.fromEntries(REQUIRED_META.flatMap((key) => (given[key] === undefined ? [] : [[key, given[key]]])))
    : {};
  const params: JsonObject = {
    ...(cursor === undefined ? {} : { cursor }),
    ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }),
  };
  const id = `portcullis-${randomUUID()}`;
  return {
    kind: 'request',
    id,
    method,
    params,
    value: { jsonrpc: '2.0', id, method, params },
  };
}
