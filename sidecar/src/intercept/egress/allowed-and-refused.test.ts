/** A connection that a decision allowed, and this sidecar refused: the chain says so beside the decision. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  type ByteRecorder,
  onLoopback,
  rawClient,
  startByteRecorder,
  startEgress,
} from '../../testing/egress-harness.js';
import { allow, fakePolicyClient } from '../../testing/fake-policy-client.js';

const client = fakePolicyClient();
let recorder: ByteRecorder;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  client.behaviour = allow();
  client.unasked.length = 0;
  client.settled.length = 0;
  recorder = await startByteRecorder();
  closing.push(() => recorder.close());
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const start = async (): Promise<number> => {
  const proxy = await startEgress({
    client,
    config: { specialAddresses: onLoopback(recorder.port) },
    names: async (name) => [name === 'inside.test' ? '10.0.0.1' : '127.0.0.1'],
  });
  closing.push(() => proxy.close());
  return proxy.port;
};

test('because of where its host leads', async () => {
  const port = await start();
  await rawClient(port, 'CONNECT inside.test:443 HTTP/1.1\r\nHost: inside.test:443\r\n\r\n').all();
  expect(client.settled).toMatchObject([{ outcome: 'refused' }]);
  expect(client.unasked).toMatchObject([
    {
      code: 'POLICY_DENIED',
      reason: 'EGRESS_SPECIAL_ADDRESS',
      decision_id: client.settled[0]?.decision_id,
      target: { server: 'inside.test:443', reached: { host: 'inside.test' } },
    },
  ]);
});

test('because its handshake is none', async () => {
  const port = await start();
  const name = `site.test:${recorder.port}`;
  await rawClient(port, `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n\r\nGET / HTTP/1.1\r\n\r\n`).all();
  expect(client.unasked).toMatchObject([
    {
      code: 'REQUEST_INVALID',
      reason: 'EGRESS_TLS_HANDSHAKE',
      decision_id: client.settled[0]?.decision_id,
      target: { server: name },
    },
  ]);
  expect(recorder.received().length).toBe(0);
});

test('because nobody can report what it brings', async () => {
  client.behaviour = allow({ obligations: [{ type: 'report_result', value: { max_bytes: 10 } }] });
  const port = await start();
  const name = `site.test:${recorder.port}`;
  await rawClient(port, `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n\r\n`).all();
  expect(client.unasked).toMatchObject([
    { code: 'OBLIGATION_UNSUPPORTED', decision_id: client.settled[0]?.decision_id },
  ]);
});
