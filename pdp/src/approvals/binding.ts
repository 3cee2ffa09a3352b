/** What an approval is bound to, as digests. */

import { hash } from 'node:crypto';
import type { ContextualRequest, Json, JsonObject } from '@portcullis/policy/model';
import { kindOf } from '@portcullis/policy/model';
import { jsonDigestHex } from '@portcullis/proto';

/**
 * What differs between a held request and the same request made again. **Everything else is bound**, so that a field
 * which is added to the request one day is bound until somebody decides otherwise.
 */
const PER_ATTEMPT_CONTEXT = ['timestamp', 'request_id', 'session_id', 'ip', 'approval'] as const;

/**
 * The digest of the exact request as its caller sent it, and of the user that it was evaluated with. Not in it: the
 * tool's definition, which is kept beside it so that people can be told what changed; when and under which name it was asked, and what is known about the asker at the time (trust, risk, labels
 * and history of the session, its address): the request is evaluated again with what is known then.
 * @param sent as the caller sent it
 * @param evaluated with everything that the PDP added
 */
export function bindingOf(sent: ContextualRequest, evaluated: ContextualRequest): string {
  const { context, agent, intent_risk: _risk, facts: _facts, unavailable: _unknown, ...rest } = sent;
  const { trust_level: _trust, ...who } = agent;
  const { definition_digest: _definition, ...tool } = sent.tool ?? {};
  const circumstances: Record<string, unknown> = { ...context };
  for (const name of PER_ATTEMPT_CONTEXT) delete circumstances[name];
  return digestOf({
    format: 'portcullis.approval/1',
    request: { ...rest, tool, kind: kindOf(sent), agent: who, context: circumstances },
    user: evaluated.user ?? null,
  });
}

/** The digest of what all requests of a standing grant have in common: everything of {@link bindingOf} but arguments. */
export function targetOf(sent: ContextualRequest, evaluated: ContextualRequest): string {
  const { arguments: _arguments, ...tool } = sent.tool ?? {};
  return bindingOf({ ...sent, tool }, evaluated);
}

/** By the names of a tool's arguments, the digests of their values. */
export function argumentDigests(args: JsonObject | undefined): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(args ?? {}).map(([name, value]) => [name, digestOf([value])]));
}

/** SHA-256 in lower-case hex of a text, for keys. */
export function textDigest(text: string): string {
  return hash('sha256', text, 'hex');
}

function digestOf(value: unknown): string {
  // What is put together here of a parsed request is strict JSON.
  return jsonDigestHex(value as Json);
}
