/** What webhooks are told of a review: names and digests, never arguments. */

import type { Delivery, Webhook } from '../approvals/webhook.js';
import { escaped } from '../approvals/webhook.js';
import type { Review } from './review.js';

/** The delivery's id is the review's: after a restart a receiver may be told again, and can tell. */
export function reviewDelivery({ config }: Webhook, review: Review): Delivery {
  const { recorded: _recorded, told: _told, ...document } = review;
  const body = config.format === 'slack' ? slackMessage(review) : { id: review.id, event: 'review', review: document };
  return { id: review.id, body: JSON.stringify(body) };
}

function slackMessage({ id, tenant, agent, server, tool, operation, user, asked }: Review): object {
  const called = [server, tool ?? operation].filter((part) => part !== undefined).join('/');
  const title = `Review wanted: ${tenant}/${agent} ${called}`;
  const why = asked.map(({ policy, reason }) => (reason === undefined ? policy : `${policy}: ${reason}`));
  const lines = [title, ...(user === undefined ? [] : [`for ${user}`]), ...why, `id: ${id}`];
  const text = escaped(lines.join('\n'));
  return { text: escaped(title), blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }] };
}
