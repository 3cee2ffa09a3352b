/** A call that may be held: what it is, whatever a client adds when it makes it again, and what its client can do. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { jsonDigestHex } from '@portcullis/proto';
import { isObject, type RpcRequest } from '../message.js';
import { type HeldState, isHeldState } from './sealed-state.js';

/** The name under which a client is asked to show the page, and answers. */
export const APPROVAL_INPUT = 'portcullis.approval';

/** Names an attempt to the server, and nothing that it is to do; approvals are not bound to these either (ADR-0030). */
const PER_ATTEMPT_META: ReadonlySet<string> = new Set(['progressToken', 'traceparent', 'tracestate']);
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';

/** The digest of a call as it goes to the server: the same for every attempt of it. */
export function callDigest(server: string, { method, params }: Pick<RpcRequest, 'method' | 'params'>): string {
  const { _meta: meta, ...rest } = params;
  const kept = isObject(meta) ? Object.entries(meta).filter(([name]) => !PER_ATTEMPT_META.has(name)) : [];
  return jsonDigestHex({ server, method, params: { ...rest, _meta: Object.fromEntries(kept) } });
}

/** The state that is ours in a request, as text. */
export function heldStateOf({ params }: Pick<RpcRequest, 'params'>): string | undefined {
  const state = params['requestState'];
  return isHeldState(state) ? state : undefined;
}

/** The call that `retry` makes again, as the client made it first, and the server is to get it. */
export function unwrapped(retry: RpcRequest, { upstream }: HeldState): RpcRequest {
  const { requestState: _ours, inputResponses: _answers, ...params } = retry.params;
  const original = { ...params, ...upstream };
  return { ...retry, params: original, value: { ...retry.value, params: original } };
}

/** What a client had brought back for the server. */
export function broughtBack({ params }: Pick<RpcRequest, 'params'>): HeldState['upstream'] {
  const { requestState, inputResponses } = params;
  return {
    ...(typeof requestState === 'string' ? { requestState } : {}),
    ...(isObject(inputResponses) ? { inputResponses } : {}),
  };
}

/** Whether the user did not want to see the page. */
export function isDeclined({ params }: Pick<RpcRequest, 'params'>): boolean {
  const responses = params['inputResponses'];
  const answer = isObject(responses) ? responses[APPROVAL_INPUT] : undefined;
  return isObject(answer) && (answer['action'] === 'decline' || answer['action'] === 'cancel');
}

/** Whether capabilities include showing a page to the user (URL mode; `elicitation: {}` means forms alone). */
export function elicitsUrl(capabilities: Json | undefined): boolean {
  const elicitation = isObject(capabilities) ? capabilities['elicitation'] : undefined;
  return isObject(elicitation) && isObject(elicitation['url']);
}

/** The capabilities that a request of 2026-07-28 declares. */
export function capabilitiesOf({ params }: Pick<RpcRequest, 'params'>): Json | undefined {
  const meta = params['_meta'];
  return isObject(meta) ? meta[CAPABILITIES_KEY] : undefined;
}

/** What progress is to be reported under. */
export function progressTokenOf({ params }: { readonly params: JsonObject }): string | number | undefined {
  const meta = params['_meta'];
  const token = isObject(meta) ? meta['progressToken'] : undefined;
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}
