/** A kill ends a call at the peer as well, and not for the agent alone. */

import { expect, test } from '@jest/globals';
import { deny, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { surfaceParts } from '../../testing/proxy-harness.js';
import { recordingUpstream } from '../../testing/recording-upstream.js';
import { startA2aProxy } from './compose.js';
import { a2aConfig } from './config.js';

const MESSAGE = { messageId: 'm1', role: 'user', parts: [{ kind: 'text', text: 'hi' }] };
const CALL = { jsonrpc: '2.0', id: 1, method: 'message/send', params: { message: MESSAGE } };

test('a call that the peer has not answered is ended there as well', async () => {
  const arrived = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const upstream = await recordingUpstream(({ method }, response) => {
    if (method === 'GET') {
      const card = { name: 'books', url: `http://127.0.0.1:${upstream.port}/`, protocolVersion: '0.3.0', skills: [] };
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(card));
    }
    response.on('close', ended.resolve);
    arrived.resolve();
  });
  const policy = fakePolicyClient();
  const parts = surfaceParts(policy);
  const card = `http://127.0.0.1:${upstream.port}/.well-known/agent-card.json`;
  const proxy = await startA2aProxy(a2aConfig.parse({ peers: [{ name: 'books', card }] }), { ...parts, env: {} });
  const answer = fetch(`http://${proxy.address.replace(/^\w+:\/\//, '')}/a2a/books`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(CALL),
  });
  await arrived.promise;
  policy.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
  parts.open.killEpoch('pdp-1', 1);
  expect(await (await answer).text()).toContain('KILL_SWITCH');
  await ended.promise;
  await proxy.close();
  await upstream.close();
});
