import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { channelContract } from './channel-contract.js';
import { createHttpChannelReader } from './http.js';
import { createInProcessChannel, type InProcessChannel } from './in-process.js';
import type { ChannelReader } from './port.js';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(listener: Listener): Promise<ChannelReader> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const reader = createHttpChannelReader({ baseUrl, dispatcher: new Agent(), ownsDispatcher: true });
  cleanups.push(() => reader.close());
  return reader;
}

/** The server's side of the protocol, as a distributor offers it. */
function offer(channel: InProcessChannel): Listener {
  return (request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = async (): Promise<void> => {
      const [, kind, rest] = /^\/v1\/channel\/(objects|watch|messages)\/?(.*)$/.exec(url.pathname) ?? [];
      if (kind === 'objects') {
        const bytes = await channel.get(rest ?? '', { maxBytes: 1e9, signal: gone.signal });
        response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
      } else if (kind === 'watch') {
        const cursor = await channel.changed(url.searchParams.get('after') ?? undefined, gone.signal);
        response.end(JSON.stringify({ cursor }));
      } else {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        await channel.send(rest ?? '', Buffer.concat(chunks), gone.signal);
        response.writeHead(204).end();
      }
    };
    answer().catch(() => response.writeHead(500).end());
  };
}

describe('http channel reader keeps the contract:', () => {
  test.each(channelContract)('$name', async ({ check }) => {
    const channel = createInProcessChannel();
    const reader = await serve(offer(channel));
    await expect(check({ writer: channel, reader })).resolves.toBeUndefined();
  });
});

describe('a server that misbehaves', () => {
  const never = new AbortController().signal;
  const get = (reader: ChannelReader, maxBytes = 100): Promise<Uint8Array | undefined> =>
    reader.get('metadata/timestamp.json', { maxBytes, signal: AbortSignal.timeout(2_000) });

  test.each([
    [401, 'unauthenticated'],
    [403, 'unauthenticated'],
    [500, 'unavailable'],
    [301, 'unavailable'],
    [204, 'unavailable'],
    [206, 'unavailable'],
  ])('status %i is %s', async (statusCode, kind) => {
    const reader = await serve((_request, response) =>
      response.writeHead(statusCode, { location: '/elsewhere' }).end(),
    );
    await expect(get(reader)).rejects.toMatchObject({ kind });
    const sent = reader.send('portcullis.status', Buffer.from('x'), never).then(
      () => 'sent',
      (error: unknown) => (error as { kind: string }).kind,
    );
    expect(await sent).toBe(statusCode >= 200 && statusCode <= 299 ? 'sent' : kind);
  });

  test('a body without end is cut at the cap', async () => {
    let sent = 0;
    const reader = await serve((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1024))) sent += 1024;
      };
      response.on('drain', more);
      more();
    });
    await expect(get(reader, 10_000)).rejects.toMatchObject({ kind: 'corrupt', code: 'ERR_CHANNEL_OVERSIZE' });
    expect(sent).toBeLessThan(50_000_000);
  });

  test('a declared length above the cap is not read at all', async () => {
    const reader = await serve((_request, response) =>
      response.writeHead(200, { 'content-length': '1000000' }).write('x'),
    );
    await expect(get(reader)).rejects.toMatchObject({ kind: 'corrupt' });
  });

  test('a body that is there already when it is found to be too large ends nothing but the call', async () => {
    const reader = await serve((_request, response) => response.end(Buffer.alloc(200)));
    for (let call = 0; call < 20; call += 1) {
      await expect(get(reader)).rejects.toMatchObject({ kind: 'corrupt' });
      // An error that nobody listens for would be thrown in a turn of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  test('a body that breaks off is no object', async () => {
    const reader = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '50' });
      response.write('half', () => response.destroy());
    });
    await expect(get(reader)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('silence ends with the signal', async () => {
    const reader = await serve(() => {});
    const signal = AbortSignal.timeout(20);
    await expect(reader.get('metadata/a', { maxBytes: 1, signal })).rejects.toMatchObject({ kind: 'timeout' });
  });

  test('nobody there is unavailable', async () => {
    const reader = createHttpChannelReader({
      baseUrl: 'http://127.0.0.1:1',
      dispatcher: new Agent(),
      ownsDispatcher: true,
    });
    cleanups.push(() => reader.close());
    await expect(get(reader)).rejects.toMatchObject({ kind: 'unavailable', code: 'ERR_CHANNEL_UNAVAILABLE' });
  });

  test.each([
    '',
    'x',
    '[]',
    'null',
    '{"cursor":null}',
    '{"cursor":1e400}',
    '{"cursor":"a","cursor":"b"}',
    `{"cursor":"${'a'.repeat(5000)}"}`,
  ])('a watch that answers %j ends', async (body) => {
    const reader = await serve((_request, response) => response.end(body));
    const hints: unknown[] = [];
    for await (const hint of reader.watch(never)) hints.push(hint);
    expect(hints).toEqual([]);
  });

  test('an unchanged cursor is no hint', async () => {
    const cursors = ['1', '1', '1', '2'];
    const reader = await serve((_request, response) => {
      const cursor = cursors.shift();
      if (cursor === undefined) response.destroy();
      else response.end(JSON.stringify({ cursor }));
    });
    let hints = 0;
    for await (const _hint of reader.watch(never)) hints += 1;
    expect(hints).toBe(2);
  });
});
