import { afterEach, expect, test } from '@jest/globals';
import { deny, fakePolicyClient } from '../testing/fake-policy-client.js';
import { surfaceParts } from '../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../testing/recording-upstream.js';
import { startA2aProxy } from './a2a/compose.js';
import { a2aConfig } from './a2a/config.js';
import { startAuthorizeApi } from './authorize/compose.js';
import { authorizeConfig } from './authorize/config.js';
import type { Surface } from './surface.js';

const running: (Surface | RecordingUpstream)[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
});

/** Parts whose counts are kept. */
function counting() {
  const policy = fakePolicyClient();
  const parts = surfaceParts(policy);
  const counted: string[] = [];
  const observer = {
    ...parts.observer,
    carriedOut: (source: string, outcome: string) => void counted.push(`${source} ${outcome}`),
  };
  return { policy, counted, parts: { ...parts, observer } };
}

async function post(url: string, body: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await answer.json()) as Record<string, unknown>;
}

test('what a program carried out is counted for its source, what it did not is not', async () => {
  const { counted, parts } = counting();
  const api = await startAuthorizeApi(authorizeConfig.parse({}), parts);
  running.push(api);
  for (const [source, outcome] of [
    ['sdk', 'forwarded'],
    ['hook', 'upstream_failed'],
    ['sdk', 'refused'],
  ]) {
    const { decision_id } = await post(`http://${api.address}/v1/authorize`, { source, tool: { name: 'read' } });
    await post(`http://${api.address}/v1/outcomes`, { decision_id, outcome });
  }
  expect(counted).toEqual(['sdk forwarded', 'hook upstream_failed']);
});

test('what another agent was asked is counted once, and a refusal not as carried out', async () => {
  const { policy, counted, parts } = counting();
  const upstream = await recordingUpstream((recorded, response) => {
    const url = `http://127.0.0.1:${upstream.port}/rpc`;
    const body = recorded.method === 'GET' ? { url, protocolVersion: '0.3' } : { jsonrpc: '2.0', id: 1, result: {} };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const peers = [{ name: 'books', card: `http://127.0.0.1:${upstream.port}/card` }];
  const proxy = await startA2aProxy(a2aConfig.parse({ peers }), parts);
  running.push(proxy, upstream);
  const ask = () =>
    post(`http://${proxy.address}/a2a/books`, { jsonrpc: '2.0', id: 1, method: 'tasks/get', params: { id: 't' } });
  await ask();
  policy.behaviour = deny();
  await ask();
  expect(counted).toEqual(['a2a_proxy forwarded']);
});
