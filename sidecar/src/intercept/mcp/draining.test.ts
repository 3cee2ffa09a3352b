/** A proxy that is about to end. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CALL, startMcpWorld } from '../../testing/mcp-world.js';
import type { Harness } from '../../testing/proxy-harness.js';
import { echo, type RecordingUpstream } from '../../testing/recording-upstream.js';

let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  ({ upstream, harness } = await startMcpWorld());
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

test('draining refuses what comes, finishes what runs, ends idle streams', async () => {
  let answer = (): void => undefined;
  let streamOpen = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    streamOpen = resolve;
  });
  const arrived = new Promise<void>((resolve) => {
    upstream.script = (request, response) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hi\n\n', streamOpen);
        return;
      }
      answer = () => echo(request, response);
      resolve();
    };
  });
  const stream = harness.send({ method: 'GET', headers: ['accept', 'text/event-stream'] });
  await opened;
  const running = harness.post(CALL, ['connection', 'keep-alive']);
  await arrived;
  const finished = harness.proxy.finish();
  await stream.catch(() => undefined);
  answer();
  const { status, headers } = await running;
  // The connection is about to go: an agent that kept it would lose its next request with it.
  expect([status, headers['connection']]).toEqual([200, 'close']);
  await finished;
  await expect(harness.post(CALL)).rejects.toThrow(/ECONN|hang up/);
});
