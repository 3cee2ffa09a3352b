import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { type Recorded, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { mcpConfig } from './config.js';

const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: { path: '/a' } } };
const FORGED = ['portcullis-decision-id', 'forged', 'Portcullis-Request-Digest', 'f'.repeat(64)];

let client: FakePolicyClient;
let upstream: RecordingUpstream;
let harness: Harness | undefined;

const start = async (decisionHeaders?: boolean): Promise<Harness> => {
  harness = await startHarness({
    client,
    upstreamUrl: upstream.url,
    ...(decisionHeaders === undefined ? {} : { decisionHeaders }),
  });
  return harness;
};
const told = ({ headers }: Recorded): readonly unknown[] => [
  headers['portcullis-decision-id'],
  headers['portcullis-request-digest'],
];

beforeEach(async () => {
  client = fakePolicyClient();
  upstream = await recordingUpstream();
});
afterEach(async () => {
  await harness?.close();
  harness = undefined;
  await upstream.close();
});

describe('decision headers', () => {
  test('name the decision that allowed each request', async () => {
    const proxy = await start(true);
    await proxy.post(CALL);
    await proxy.post({ ...CALL, id: 2 });
    await proxy.send({ method: 'GET', headers: ['accept', 'text/event-stream'] });
    expect(upstream.requests).toHaveLength(3);
    expect(upstream.requests.map(told)).toEqual(
      client.settled.map(({ decision_id, request_digest }) => [decision_id, request_digest]),
    );
    expect(new Set(upstream.requests.map((request) => told(request)[0])).size).toBe(3);
    for (const request of upstream.requests) expect(client.allowed).toContain(told(request)[1]);
  });

  test('are not sent unless configured', async () => {
    const proxy = await start();
    await proxy.post(CALL);
    expect(upstream.requests.map(told)).toEqual([[undefined, undefined]]);
  });

  test.each([true, false])('of the agent never pass (configured: %s)', async (configured) => {
    const proxy = await start(configured);
    await proxy.post(CALL, FORGED);
    expect(upstream.requests).toHaveLength(1);
    const { rawHeaders } = upstream.requests[0] ?? { rawHeaders: [] };
    expect(rawHeaders).not.toContain('forged');
    expect(rawHeaders).not.toContain('f'.repeat(64));
    expect(rawHeaders.filter((name) => name.toLowerCase().startsWith('portcullis-'))).toHaveLength(configured ? 2 : 0);
  });

  test.each(['portcullis-decision-id', 'Portcullis-Request-Digest'])('cannot be configured by hand: %s', (header) => {
    const upstreams = [{ name: 'files', url: 'http://127.0.0.1:1/mcp', headers: { [header]: { env: 'X' } } }];
    expect(mcpConfig.safeParse({ upstreams }).success).toBe(false);
  });
});
