/** What a client is told about a call that is held, in the words of its protocol revision. */

import type { JsonObject } from '@portcullis/policy/model';
import type { Hold } from '../../../enforce/hold.js';
import type { Refusal } from '../../../enforce/refuse.js';
import type { RpcId } from '../message.js';
import { refusalError, rpcError } from '../to-response.js';
import { APPROVAL_INPUT } from './call.js';

/** JSON-RPC error of MCP 2025-11-25, "Elicitation", URL mode: the request can be made again once the user was there. */
export const URL_ELICITATION_REQUIRED = -32042;

/** Where an approval is told in results. */
const HOLD_META = 'portcullis/hold';

/** 2026-07-28: make the call again with this state; with a page, after the user was shown it. */
export function inputRequired(id: RpcId, hold: Hold, requestState: string, page: string | undefined): string {
  const shown = { mode: 'url', message: messageOf(hold), url: page ?? '' };
  const inputRequests = { [APPROVAL_INPUT]: { method: 'elicitation/create', params: shown } };
  const result = {
    resultType: 'input_required',
    ...(page === undefined ? {} : { inputRequests }),
    requestState,
    _meta: { [HOLD_META]: { ...hold } },
  };
  return JSON.stringify({ jsonrpc: '2.0', id, result });
}

/** 2025-11-25: make the call again once the user was shown the page. */
export function elicitationRequired(id: RpcId, refusal: Refusal, hold: Hold, page: string): string {
  const told = JSON.parse(refusalError(id, refusal)) as { readonly error: { readonly data: JsonObject } };
  return rpcError(id, URL_ELICITATION_REQUIRED, messageOf(hold), {
    ...told.error.data,
    elicitations: [{ mode: 'url', elicitationId: hold.approval_id, url: page, message: messageOf(hold) }],
  });
}

/**
 * A sign of life. Its progress grows and stays below what the server will report under the same token, because progress
 * must not fall (MCP, "Progress").
 */
export function waitingNotice(progressToken: string | number, count: number, hold: Hold): string {
  const params = { progressToken, progress: count / 1_000_000, message: messageOf(hold) };
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params });
}

function messageOf({ approval_id: id, asked }: Hold): string {
  const whom = asked.flatMap(({ role, group }) => [role, group]).filter((name) => typeof name === 'string');
  return `This call waits for people to approve it (approval ${id}${whom.length === 0 ? '' : `, asked: ${whom.join(', ')}`})`;
}
