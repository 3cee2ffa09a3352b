/** A PDP that is killed before a webhook took a notice delivers it when it is back: people are asked, whatever ended in between. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.js';
import { policySource } from '../support/policy-source.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { AGENT, type Stack, startStack } from '../support/stack.js';

jest.setTimeout(60_000);

let folder = '';
let redis: RedisServer;
let stack: Stack;
let receiver: Server;
let agent: Agent;
let isAway = true;
/** Deliveries that came, taken or not. */
const came: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-notices-'));
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, 'a secret of at least thirty-two bytes');
  redis = await startRedisServer();
  receiver = createServer((incoming, answer) => {
    incoming.resume();
    came.push(String(incoming.headers['portcullis-delivery']));
    answer.writeHead(isAway ? 503 : 204).end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  stack = await startStack({
    pdps: 1,
    pdp: {
      limits: { decisionDeadlineMs: 10_000 },
      http: {},
      approvals: {
        store: { type: 'redis', url: `redis://${redis.host}:${redis.port}`, tls: false, timeoutMs: 5_000 },
        webhooks: [{ name: 'test', url, secretFile }],
      },
    },
  });
  const effect = { type: 'require_approval', role: 'treasurer' };
  const { seq } = await stack.publish(policySource('1.0.0', [{ name: 'All', when: 'always', effect, priority: 1 }]));
  await stack.loaded(seq);
  const own = stack.tls({ kind: 'agent', ...AGENT });
  const [ca, cert, key] = [own.caFile, own.certFile, own.keyFile].map((file) => readFileSync(file, 'utf8'));
  agent = new Agent({ connect: { ca, cert, key, checkServerIdentity: () => undefined } as never });
});

afterAll(async () => {
  await agent?.destroy();
  await stack?.close();
  receiver?.closeAllConnections();
  receiver?.close();
  await redis?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a question that the receiver did not take is told again after kill -9, under the same id, and once', async () => {
  const [pdp] = stack.pdps;
  if (pdp === undefined) throw new Error('no pdp');
  const body = JSON.stringify({
    version: '1.0',
    tenant_id: AGENT.tenant,
    source: 'sdk',
    agent: { id: AGENT.agent },
    tool: { name: 'pay', operation: 'call' },
    context: { timestamp: new Date().toISOString(), request_id: 'r-1' },
  });
  const headers = { 'content-type': 'application/json' };
  const url = `https://${pdp.addresses['https'] ?? ''}/v1/policy/evaluate`;
  const held = await request(url, { method: 'POST', headers, body, dispatcher: agent });
  expect(JSON.parse(await held.body.text())).toMatchObject({ effect: 'hold' });
  await eventually('the receiver to have refused it', () => came.length > 0);

  await pdp.kill();
  const refused = came.length;
  isAway = false;
  await pdp.start();
  await eventually('it to be told', () => came.length > refused);
  expect(new Set(came).size).toBe(1);

  // Taken, and written down as such: the next process has nothing to tell.
  const journal = join(stack.folder, pdp.name, 'notices');
  await eventually('it to be settled', () => readFileSync(journal, 'utf8').includes('"done"'));
  await pdp.kill();
  await pdp.start();
  await eventually('it to be ready', async () =>
    (await stack.status()).nodes.some(({ active }) => active !== undefined),
  );
  expect(came).toHaveLength(refused + 1);
});
