import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { approvalsConfig } from './approvals-config.js';
import type { Notice } from './book.js';
import { createNotices, type NoticeParts } from './notices.js';
import type { Approval } from './port.js';
import { heldRequest } from './store-contract.js';
import { deliveryOf, post, signatureOf, type Webhook } from './webhook.js';

const SECRET = Buffer.from('k'.repeat(32));
const NOW = Date.parse('2026-11-22T12:00:00Z');

function webhook(changes: object = {}): Webhook {
  const base = { name: 'w', url: 'https://hooks.test/x', secretFile: 'f' };
  const [config] = approvalsConfig.parse({ webhooks: [{ ...base, ...changes }] }).webhooks;
  if (config === undefined) throw new Error('no webhook');
  return { config, secret: SECRET };
}

function approval(about: Approval['about'] = {}): Approval {
  const { attempt: _attempt, after: _after, lifetimeMs: _lifetime, ...terms } = heldRequest({ id: 'a-1', about });
  return { ...terms, state: 'pending', createdAt: NOW, expiresAt: NOW + 60_000, votes: [], why: '' };
}

const REQUESTED: Notice = { event: 'requested', approval: approval() };

describe('what is posted', () => {
  test('is signed over its time and its body', () => {
    const header = signatureOf(SECRET, '{"a":1}', NOW + 999);
    const time = NOW / 1_000;
    expect(header).toBe(`t=${time},v1=${createHmac('sha256', SECRET).update(`${time}.{"a":1}`).digest('hex')}`);
  });

  test('names what is asked, and never what the agent composed', () => {
    const about = {
      tool: 'pay',
      server: 'bank',
      payload: { arguments: { to: 'BOB' } },
      arguments: ['to'],
      sealed: 'BOB',
    };
    for (const format of ['json', 'slack']) {
      const { body } = deliveryOf(webhook({ format }), { event: 'requested', approval: approval(about) }, 'd-1');
      expect(body).toContain('a-1');
      expect(body).toContain('pay');
      expect(body).not.toContain('BOB');
    }
  });

  test('has the link to the page of the approval', () => {
    const link = 'https://console.test/approvals/{id}';
    const { body } = deliveryOf(webhook({ link }), { ...REQUESTED, by: 'ann' }, 'd-1');
    expect(JSON.parse(body)).toMatchObject({
      id: 'd-1',
      event: 'requested',
      by: 'ann',
      link: 'https://console.test/approvals/a-1',
      approval: { id: 'a-1', state: 'pending', needs: [{ role: 'admin' }] },
    });
  });

  test('for Slack makes no link, mention or format of what an agent is called', () => {
    const about = { tool: '<!channel> *x* <https://evil.test|pay>', server: '`b`' };
    const { body } = deliveryOf(webhook({ format: 'slack' }), { event: 'escalated', approval: approval(about) }, 'd');
    const { text, blocks } = JSON.parse(body) as { text: string; blocks: readonly { text: { text: string } }[] };
    expect(text).toMatch(/^Approval still waiting: acme\/analyst/);
    for (const said of [text, blocks[0]?.text.text ?? '<']) {
      expect(said).not.toMatch(/<|>|\*(?!\u200b)|`(?!\u200b)/);
    }
  });
});

describe('a post', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  async function receiver(
    status: number | 'silent',
  ): Promise<{ url: string; seen: { headers: IncomingHttpHeaders; body: string }[] }> {
    const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        seen.push({ headers: request.headers, body });
        if (status !== 'silent') response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('x');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, seen };
  }

  test('carries the signature and the id of the delivery', async () => {
    const { url, seen } = await receiver(204);
    await post(webhook({ url }), { id: 'd-1', body: '{"ä":1}' }, NOW);
    expect(seen).toMatchObject([
      {
        body: '{"ä":1}',
        headers: {
          'content-type': 'application/json',
          'portcullis-delivery': 'd-1',
          'portcullis-signature': signatureOf(SECRET, '{"ä":1}', NOW),
        },
      },
    ]);
  });

  test.each([301, 400, 500])('is not delivered with an answer of %d, and follows nothing', async (status) => {
    const { url } = await receiver(status);
    await expect(post(webhook({ url }), { id: 'd', body: '{}' }, NOW)).rejects.toThrow(String(status));
  });

  test('is not delivered without an answer in time', async () => {
    const { url } = await receiver('silent');
    await expect(post(webhook({ url, timeoutMs: 100 }), { id: 'd', body: '{}' }, NOW)).rejects.toThrow();
    server?.closeAllConnections();
  });
});

describe('notices', () => {
  /** Deliveries and pauses that are written down; `fails` says which tries do not succeed. */
  function subject(fails: (attempt: number) => boolean, changes: Partial<NoticeParts> = {}) {
    const lines: string[] = [];
    let tries = 0;
    let ids = 0;
    const notices = createNotices({
      webhooks: [webhook()],
      post: async (_webhook, { id }) => {
        tries += 1;
        if (fails(tries)) throw new Error('no');
        lines.push(`post ${id}`);
      },
      pause: async (ms) => void lines.push(`pause ${ms}`),
      clock: createFakeClock(NOW),
      random: () => 1,
      newId: () => {
        ids += 1;
        return `d-${ids}`;
      },
      observer: { notice: (outcome) => lines.push(outcome) },
      log: createLogger({ component: 'test', level: 'silent' }),
      ...changes,
    });
    return { notices, lines };
  }

  test('are delivered in their order, those that are wanted', async () => {
    const { notices, lines } = subject(() => false, {
      webhooks: [webhook({ events: ['void', 'requested'] })],
    });
    for (const event of ['requested', 'consumed', 'void'] as const) notices.tell({ ...REQUESTED, event });
    expect(lines).toEqual([]);
    await notices.idle();
    expect(lines).toEqual(['post d-1', 'delivered', 'post d-2', 'delivered']);
  });

  test('are tried again after growing pauses, under the same id', async () => {
    const { notices, lines } = subject((attempt) => attempt <= 3);
    notices.tell(REQUESTED);
    await notices.idle();
    expect(lines).toEqual([
      'retried',
      'pause 2000',
      'retried',
      'pause 8000',
      'retried',
      'pause 32000',
      'post d-1',
      'delivered',
    ]);
  });

  test('are given up after six tries; a receiver that keeps failing is left alone before each further one', async () => {
    const { notices, lines } = subject(() => true);
    notices.tell(REQUESTED);
    notices.tell(REQUESTED);
    await notices.idle();
    expect(lines.filter((line) => line === 'failed').length).toBe(2);
    expect(lines.filter((line) => line === 'pause 30000').length).toBe(7);
    expect(Math.max(...lines.filter((line) => line.startsWith('pause')).map((line) => Number(line.slice(6))))).toBe(
      60_000,
    );
  });

  test('that do not fit are dropped and counted; telling never throws or waits', async () => {
    const gate = Promise.withResolvers<void>();
    const { notices, lines } = subject(() => false, { post: () => gate.promise });
    for (let count = 0; count < 1_010; count += 1) notices.tell(REQUESTED);
    expect(lines.filter((line) => line === 'dropped').length).toBe(10);
    gate.resolve();
    await notices.close();
  });

  test('that are under way at the end are dropped', async () => {
    const { notices, lines } = subject(() => true, {
      pause: (_ms, signal) =>
        new Promise((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener('abort', () => resolve());
        }),
    });
    notices.tell(REQUESTED);
    await Promise.resolve();
    await notices.close();
    notices.tell(REQUESTED);
    expect(lines.at(-1)).toBe('dropped');
  });
});
