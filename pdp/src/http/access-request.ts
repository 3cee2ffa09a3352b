/**
 * A held request in the words of the draft "AuthZEN Access Request and Approval Profile" (openid/authzen, profiles/): a denial
 * that can be requested, a task to poll, an evaluation that is asked again. The tasks are our approvals (ADR-0022).
 */

import type { Decision, JsonObject } from '@portcullis/policy/model';
import { jsonDigestHex } from '@portcullis/proto';
import { type Json, PortcullisError } from '@portcullis/runtime';
import type { Approval, ApprovalState } from '../approvals/port.js';
import type { Sealer } from '../session/sealer.js';
import { type Evaluation, readEvaluation } from './authzen-request.js';
import { isObject } from './body.js';
import { invalidRequest } from './problems.js';

/** What a client brings back of a denial. */
interface Binding {
  readonly approval: string;
  readonly tenant: string;
  readonly agent: string;
  /** RFC 3339. */
  readonly expires: string;
  /** Members of the context that are bound. */
  readonly members: readonly string[];
  readonly digest: string;
}

/** Members of a context that are not about what is asked for: the profile's own, ours, and what differs each time. */
const UNBOUND: ReadonlySet<string> = new Set([
  'access_request',
  'approval',
  'evaluated_at',
  'evaluation_id',
  'reason',
  'request_id',
  'supported_custom_obligations',
  'supported_obligations',
  'timestamp',
]);

/** The members of a denial's context that make it requestable; none when nobody waits for it. */
export function requestable(
  decision: Decision,
  evaluation: Evaluation,
  about: { readonly tenant: string; readonly agent: string; readonly now: number },
  { sealer, endpoint }: { readonly sealer: Sealer; readonly endpoint: string },
): JsonObject {
  const isReference = evaluation.context['approval'] !== undefined;
  const asked = decision.effect === 'hold' ? decision.conditions.map(({ value }) => value).find(isAsked) : undefined;
  if (asked === undefined) return isReference && !decision.allow ? { next_action: 'none' } : {};
  const { approval_id: approval, expires_at: expires } = asked;
  const members = Object.keys(evaluation.context).filter((name) => !UNBOUND.has(name));
  const { tenant, agent, now } = about;
  const binding: Binding = { approval, tenant, agent, expires, members, digest: digestOf(evaluation, members) };
  return {
    reason: 'approval_required',
    evaluated_at: new Date(now).toISOString(),
    access_request: { endpoint, expires_at: expires, binding_token: sealer.seal(JSON.stringify(binding)) },
    ...(isReference ? { next_action: 'request' } : {}),
  };
}

function isAsked(value: Json): value is JsonObject & { readonly approval_id: string; readonly expires_at: string } {
  return isObject(value) && typeof value['approval_id'] === 'string' && typeof value['expires_at'] === 'string';
}

function digestOf({ subject, action, resource, context }: Evaluation, members: readonly string[]): string {
  const bound = Object.fromEntries(members.map((name) => [name, context[name] ?? null]));
  return jsonDigestHex({ subject, action, resource, context: bound } as unknown as Json);
}

/**
 * Whom and what a submission is about.
 * @throws PortcullisError: it is none, its denial is not ours or another one, or it came too late
 */
export function readSubmission(
  body: JsonObject,
  sealer: Sealer,
  now: number,
): Pick<Binding, 'approval' | 'tenant' | 'agent'> {
  const evaluation = readEvaluation(body);
  for (const name of ['items', 'callback']) {
    // Whoever waits for what never comes waits for ever.
    if (body[name] !== undefined) throw invalidRequest('is not supported; ask for one thing and poll', name);
  }
  const { denial } = body;
  if (!isObject(denial)) throw invalidRequest('expected the denial that is to be resolved', 'denial');
  const { binding_token: token, expires_at: expires } = denial;
  if (typeof expires !== 'string') throw invalidRequest('expected access_request.expires_at', 'denial.expires_at');
  const text = typeof token === 'string' ? sealer.open(token) : undefined;
  if (text === undefined) throw unbound('denial.binding_token is not one that was given here');
  // What opens is what was sealed.
  const binding = JSON.parse(text) as Binding;
  if (binding.expires !== expires || binding.digest !== digestOf(evaluation, binding.members)) {
    throw unbound('the denial was given for something else');
  }
  if (now >= Date.parse(binding.expires)) {
    throw new PortcullisError(
      'ERR_ACCESS_REQUEST_EXPIRED',
      'invalid',
      'the denial can no longer be resolved: ask again',
    );
  }
  return binding;
}

/** The states of the profile. One that was used up stays approved: what was approved is evaluated again in any case. */
const STATUS: Readonly<Record<ApprovalState, string>> = {
  pending: 'pending',
  approved: 'approved',
  consumed: 'approved',
  denied: 'denied',
  expired: 'expired',
  revoked: 'cancelled',
};

/** The task that an approval is. Nobody's name is in it. */
export function taskOf({ id, state, expiresAt }: Approval, endpoint: string): JsonObject {
  const until = new Date(expiresAt).toISOString();
  const status = STATUS[state];
  return {
    task: { id, status, status_endpoint: `${endpoint}/${id}`, expires_at: until },
    ...(status === 'approved' ? { result: { mode: 'reevaluate', approval: { id, approved_until: until } } } : {}),
  };
}

function unbound(message: string): PortcullisError {
  return new PortcullisError('ERR_ACCESS_REQUEST_BINDING', 'invalid', message);
}
