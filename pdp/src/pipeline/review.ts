/** What a decision wants somebody to look at afterwards: the obligations of its `escalate` rules, as one review. */

import type { CanonicalRequest, Decision, Json } from '@portcullis/policy/model';
import type { AskedReview } from '../reviews/review.js';

const MAX_NAME = 1_024;
const MAX_REASON = 4_096;
const MAX_ASKED = 256;

/** `undefined` for a decision that asks for none. Names only, cut where nobody would read on. */
export function reviewOf(decision: Decision, request: CanonicalRequest, digest: string): AskedReview | undefined {
  const asked = decision.obligations
    .filter(({ type }) => type === 'review')
    .slice(0, MAX_ASKED)
    .map(({ value }) => askedBy(value));
  if (asked.length === 0) return undefined;
  const { server, name, operation } = request.tool ?? {};
  const named = { user: request.user?.id, server, tool: name, operation };
  const known = Object.entries(named).flatMap(([key, text]) =>
    text === undefined ? [] : [[key, text.slice(0, MAX_NAME)] as const],
  );
  return {
    id: decision.decision_id,
    tenant: request.tenant_id,
    agent: request.agent.id,
    ...Object.fromEntries(known),
    request_digest: digest,
    asked,
  };
}

function askedBy(value: Json): AskedReview['asked'][number] {
  const { policy, reason } = value as { readonly policy?: Json; readonly reason?: Json };
  return {
    policy: typeof policy === 'string' ? policy.slice(0, MAX_NAME) : '',
    ...(typeof reason === 'string' ? { reason: reason.slice(0, MAX_REASON) } : {}),
  };
}
