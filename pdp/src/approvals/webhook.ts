/** One delivery to a webhook: what is posted, how it is signed, and whether it was taken. */

import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { JsonObject } from '@portcullis/policy/model';
import type { WebhookConfig } from './approvals-config.js';
import type { Notice } from './book.js';
import { approvalDocument } from './wire.js';

/** Where to, and as whom. */
export interface Webhook {
  readonly config: WebhookConfig;
  /** Key of the signature. */
  readonly secret: Uint8Array;
}

/** A notice, ready to be sent as often as it takes. */
export interface Delivery {
  /** The same at every repetition, so that a receiver can tell. */
  readonly id: string;
  readonly body: string;
}

/** Header with `t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `<unix seconds>.<body>`. */
export const SIGNATURE_HEADER = 'portcullis-signature';
/** Header with the id of the delivery. */
export const DELIVERY_HEADER = 'portcullis-delivery';

/** The value of {@link SIGNATURE_HEADER}. A receiver refuses times that are minutes away from its own. */
export function signatureOf(secret: Uint8Array, body: string, nowMs: number): string {
  const time = Math.floor(nowMs / 1_000);
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
}

/** What is posted about a notice. Names and digests: what the agent composed is for those who may look at it. */
export function deliveryOf({ config }: Webhook, notice: Notice, id: string): Delivery {
  const { approval } = notice;
  const link = config.link?.replace('{id}', encodeURIComponent(approval.id));
  const { payload: _payload, arguments: _names, sealed: _sealed, ...named } = approval.about;
  const document = approvalDocument(approval, named);
  const body =
    config.format === 'slack'
      ? slackMessage(notice, link)
      : { id, event: notice.event, ...by(notice), ...(link === undefined ? {} : { link }), approval: document };
  return { id, body: JSON.stringify(body) };
}

/** Posts it once. Rejects unless the receiver answers 2xx in time; what it answers is not read. */
export function post({ config, secret }: Webhook, { id, body }: Delivery, nowMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const url = new URL(config.url);
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const sent = send(url, {
      method: 'POST',
      signal: AbortSignal.timeout(config.timeoutMs),
      agent: false,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'portcullis',
        [DELIVERY_HEADER]: id,
        [SIGNATURE_HEADER]: signatureOf(secret, body, nowMs),
      },
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      const { statusCode = 0 } = answer;
      answer.destroy();
      if (statusCode >= 200 && statusCode < 300) resolve();
      else reject(new Error(`the receiver answered ${statusCode}`));
    });
    sent.end(body);
  });
}

function by(notice: Notice): JsonObject {
  return notice.by === undefined ? {} : { by: notice.by };
}

const SAID = {
  requested: 'Approval wanted',
  decided: 'Approval answered',
  consumed: 'Approval used',
  void: 'Approval void',
  escalated: 'Approval still waiting',
  granted: 'Standing grant made',
} as const satisfies Record<Notice['event'], string>;

function slackMessage({ event, approval }: Notice, link: string | undefined): JsonObject {
  const { server, tool, operation, user } = approval.about;
  const called = [server, tool ?? operation].filter((part) => typeof part === 'string').join('/');
  const who = approval.needs.map(({ who: name, quorum }) => `${name}${quorum > 1 ? ` ×${quorum}` : ''}`).join(', ');
  const title = `${SAID[event]}: ${approval.tenant}/${approval.agent} ${called}`;
  const lines = [
    ...(typeof user === 'string' ? [`for ${user}`] : []),
    `asked: ${who}`,
    `state: ${approval.state}, until ${new Date(approval.expiresAt).toISOString()}`,
    `id: ${approval.id}`,
  ];
  const text = escaped([title, ...lines].join('\n'));
  const page = link === undefined ? '' : `\n<${link}|Open>`;
  return { text: escaped(title), blocks: [{ type: 'section', text: { type: 'mrkdwn', text: `${text}${page}` } }] };
}

/** A text for Slack. Names come from agents; none of them may become a link or a mention. */
export function escaped(text: string): string {
  const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return plain.replaceAll(/[*_~`]/g, (mark) => `${mark}\u200b`).slice(0, 2_900);
}
