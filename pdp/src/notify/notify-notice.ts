/** Whom a decision tells, and what: names and digests, never what the agent composed. */

import { type CanonicalRequest, type Decision, type Json, type JsonObject, NOTIFY } from '@portcullis/policy/model';
import { type Delivery, escaped, type Webhook } from '../approvals/webhook.js';

/** One channel, and the policies that ask for it to be told. */
export interface Notify {
  readonly channel: string;
  readonly policies: readonly string[];
}

/** Cut where nobody would read on. */
const MAX_NAME = 256;
/** Channels of one decision. */
const MAX_CHANNELS = 32;
const MAX_POLICIES = 64;

/** Whether it tells anybody; costs nothing where it does not. */
export function notifies({ obligations }: Decision): boolean {
  return obligations.some(({ type }) => type === NOTIFY);
}

/** Each channel once, however many policies ask for it. */
export function noticesOf({ obligations }: Decision): readonly Notify[] {
  const channels = new Map<string, string[]>();
  for (const { type, value } of obligations) {
    if (type !== NOTIFY) continue;
    const { policy, to } = value as { readonly policy?: Json; readonly to?: Json };
    for (const name of Array.isArray(to) ? (to as readonly Json[]) : []) {
      if (typeof name !== 'string' || (!channels.has(name) && channels.size >= MAX_CHANNELS)) continue;
      const policies = channels.get(name) ?? [];
      if (typeof policy === 'string' && policies.length < MAX_POLICIES) policies.push(policy);
      channels.set(name, policies);
    }
  }
  return [...channels].map(([channel, policies]) => ({ channel, policies }));
}

/** The delivery's id is the decision's, so that a receiver can tell a repetition. */
export function notifyDelivery(
  { config }: Webhook,
  { policies }: Notify,
  request: CanonicalRequest,
  { decision_id: id, effect, deny, request_digest: digest }: Decision,
): Delivery {
  const { server, name, operation } = request.tool ?? {};
  const names = { user: request.user?.id, server, tool: name, operation };
  const named = Object.fromEntries(
    Object.entries(names).flatMap(([key, text]) => (text === undefined ? [] : [[key, text.slice(0, MAX_NAME)]])),
  );
  const decision: JsonObject = {
    id,
    effect,
    tenant: request.tenant_id,
    agent: request.agent.id,
    ...named,
    reasons: deny.slice(0, MAX_POLICIES).map(({ code, path, reason_code: own }) => ({
      code,
      path,
      ...(own === undefined ? {} : { reason_code: own }),
    })),
    request_digest: digest,
  };
  const body =
    config.format === 'slack' ? slackMessage(decision, policies) : { id, event: 'notify', policies, decision };
  return { id, body: JSON.stringify(body) };
}

const SAID: Readonly<Record<Decision['effect'], string>> = { allow: 'Allowed', deny: 'Denied', hold: 'Held' };

function slackMessage(decision: JsonObject, policies: readonly string[]): object {
  const { id, effect, tenant, agent, server, tool, operation, user } = decision as Record<string, string | undefined>;
  const called = [server, tool ?? operation].filter((part) => part !== undefined).join('/');
  const title = `${SAID[effect as Decision['effect']]}: ${tenant}/${agent} ${called}`;
  const lines = [title, ...(user === undefined ? [] : [`for ${user}`]), ...policies, `decision: ${id}`];
  const text = escaped(lines.join('\n'));
  return { text: escaped(title), blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }] };
}
