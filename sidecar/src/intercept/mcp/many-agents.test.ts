/** No two agents' answers cross. */

import { Agent, request as httpRequest } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { FakePolicyClient } from '../../testing/fake-policy-client.js';
import { CALL, startMcpWorld } from '../../testing/mcp-world.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { echo, type RecordingUpstream } from '../../testing/recording-upstream.js';

let client: FakePolicyClient;
let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  ({ client, upstream, harness } = await startMcpWorld());
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

test('1,000 concurrent calls with colliding ids over 20 agents: no answer crosses', async () => {
  // No time limit of ours may decide this: the machine may be busy.
  const roomy = await startHarness({ client, upstreamUrl: upstream.url, backstopMs: 60_000 });
  upstream.script = (request, response) => {
    const delay = Math.floor(Math.random() * 20);
    setTimeout(() => echo(request, response), delay);
  };
  const agents = Array.from({ length: 20 }, () => new Agent({ keepAlive: true, maxSockets: 10 }));
  const one = (agent: Agent, canary: string, id: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
      const outgoing = httpRequest(roomy.url, { method: 'POST', agent, headers }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('end', () => resolve(text));
      });
      outgoing.on('error', reject);
      outgoing.end(JSON.stringify({ ...CALL, id, params: { name: 'read', arguments: { canary } } }));
    });
  const answers = await Promise.all(
    agents.flatMap((agent, who) =>
      Array.from({ length: 50 }, async (_, id) => {
        const canary = `agent-${who}-call-${id}`;
        return { canary, id, answer: JSON.parse(await one(agent, canary, id)) as unknown };
      }),
    ),
  );
  for (const agent of agents) agent.destroy();
  await roomy.close();
  expect(answers).toHaveLength(1000);
  for (const { canary, id, answer } of answers) {
    expect(answer).toEqual({
      jsonrpc: '2.0',
      id,
      result: { resultType: 'complete', echo: { name: 'read', arguments: { canary } } },
    });
  }
}, 60_000);
