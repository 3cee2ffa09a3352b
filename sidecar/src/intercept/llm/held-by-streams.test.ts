import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { fakePolicyClient } from '../../testing/fake-policy-client.js';
import { startLlmHarness } from '../../testing/llm-harness.js';
import { chunk } from '../../testing/provider-wire.js';
import { recordingUpstream } from '../../testing/recording-upstream.js';

const STREAMS = 8;
const TEXT_BYTES = 2 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use after a collection. */
function inUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** Sends a question of {@link TEXT_BYTES}, of which nothing is kept here, and waits for the first words of the answer. */
async function open(port: number): Promise<ClientRequest> {
  const outgoing = request({ port, method: 'POST', path: '/v1/chat/completions', agent: false });
  outgoing.setHeader('content-type', 'application/json');
  outgoing.on('error', () => undefined);
  const messages = [{ role: 'user', content: 'word '.repeat(TEXT_BYTES / 5) }];
  outgoing.end(JSON.stringify({ model: 'gpt-4o', stream: true, messages }));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.on('error', () => undefined);
  await once(incoming, 'data');
  return outgoing;
}

test('a stream that is open holds the words of its question once, for whoever asks about it again', async () => {
  const client = fakePolicyClient();
  const provider = await recordingUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(chunk({ content: 'hello' }))}\n\n`);
  });
  const gateway = await startLlmHarness({ client, url: provider.url });
  const streams: ClientRequest[] = [];
  const openMore = async (count: number): Promise<void> => {
    for (let opened = 0; opened < count; opened += 1) streams.push(await open(gateway.port));
    // What fakes keep is not the gateway's.
    provider.requests.length = 0;
    client.asked.length = 0;
  };
  try {
    await openMore(1);
    const before = inUse();
    await openMore(STREAMS);
    const each = (inUse() - before) / STREAMS;
    // Or nothing was measured. What test files before this one left may go meanwhile, and counts against it.
    expect(each).toBeGreaterThan(TEXT_BYTES * 0.5);
    expect(each).toBeLessThan(TEXT_BYTES * 1.4);
  } finally {
    for (const stream of streams) stream.destroy();
    await gateway.close();
    await provider.close();
  }
});
