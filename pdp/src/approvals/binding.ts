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
 * tool's definition, which is kept beside it so that people can be told what changed; when and under which name it was
 * asked; and what is known about the asker at the time (trust, risk, labels and history of the session, its address):
 * the request is evaluated again with what is known then.
 * @param sent as the caller sent it
 * @param evaluated with everything that the PDP added
 */
export function bindingOf(sent: ContextualRequest, evaluated: ContextualRequest): string {
  const { context, agent, intent_risk: _risk, facts: _facts, unavailable: _unknown, ...rest } = sent;
  const { trust_level: _trust, ...who } = agent;
  const { definition_digest: _definition, ...tool } = withoutAttempt(sent.tool ?? {});
  const circumstances: Record<string, unknown> = { ...context };
  for (const name of PER_ATTEMPT_CONTEXT) delete circumstances[name];
  return digestOf({
    format: 'portcullis.approval/1',
    request: { ...rest, tool, kind: kindOf(sent), agent: who, context: circumstances },
    user: evaluated.user ?? null,
  });
}

/**
 * MCP's own names of an attempt, in a tool's attributes: the session that a client opens anew when it comes back, the token
 * that progress is reported under, and the trace. They reach the server and say nothing about what it is to do.
 */
const PER_ATTEMPT_META = ['progressToken', 'traceparent', 'tracestate'] as const;

type Tool = NonNullable<ContextualRequest['tool']>;

function withoutAttempt(tool: Partial<Tool>): Partial<Tool> {
  const { attributes } = tool;
  if (attributes === undefined) return tool;
  const { mcp_session_id: _session, params, ...rest } = attributes;
  if (!isObject(params)) return { ...tool, attributes: { ...rest, ...(params === undefined ? {} : { params }) } };
  const { _meta: meta, ...others } = params;
  if (!isObject(meta)) return { ...tool, attributes: { ...rest, params } };
  const names: ReadonlySet<string> = new Set(PER_ATTEMPT_META);
  const kept = Object.entries(meta).filter(([name]) => !names.has(name));
  const bound = { ...others, ...(kept.length === 0 ? {} : { _meta: Object.fromEntries(kept) }) };
  return { ...tool, attributes: { ...rest, ...(Object.keys(bound).length === 0 ? {} : { params: bound }) } };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
