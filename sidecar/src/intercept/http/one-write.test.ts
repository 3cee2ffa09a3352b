/** Heads and bodies that are written together arrive byte for byte, and with no field twice. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { createRefuser } from '../../enforce/refuse.js';
import { collect } from './body.js';
import { answerJson } from './late-answer.js';
import { createUpstream } from './upstream.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening(server: ReturnType<typeof createServer>): Promise<URL> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
}

/** A text whose bytes are neither ASCII nor one to a character. */
const WIDE = '{"text":"grüß 漢字 🙂"}';

test('a request has what is configured in place of what the agent sent, once, and its body exactly', async () => {
  const seen: { rawHeaders: string[]; body: string }[] = [];
  const url = await listening(
    createServer((incoming, response) => {
      void collect(incoming, { maxBytes: 10_000, timeoutMs: 5_000 }).then((collected) => {
        const body = collected.kind === 'all' ? collected.bytes.toString() : collected.kind;
        seen.push({ rawHeaders: incoming.rawHeaders, body });
        response.end();
      });
    }),
  );
  const upstream = createUpstream({
    name: 'files',
    url,
    headers: { Authorization: 'Bearer ours' },
    decisionHeaders: false,
    connectTimeoutMs: 5_000,
    headersTimeoutMs: 5_000,
    connections: 1,
    declined: () => WIDE,
  });
  closing.push(() => void upstream.close());
  const refuser = createRefuser({
    source: 'mcp_proxy',
    log: createLogger({ component: 'test', level: 'silent' }),
    observer: { refused: () => undefined, failedClosed: () => undefined },
    records: { refused: () => undefined },
  });
  const agents = {
    authorization: 'Bearer theirs',
    host: 'elsewhere',
    'accept-encoding': 'gzip',
    'content-type': 'text/plain',
    'content-length': '3',
    'mcp-session-id': 's-1',
  };
  const reply = await upstream.decline(1, refuser.refuse('REQUEST_INVALID'), agents, AbortSignal.timeout(5_000));
  reply.body.resume();
  const [{ rawHeaders, body } = { rawHeaders: [], body: '' }] = seen;
  const fields = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[at + 1]}`] : [],
  );
  expect(body).toBe(WIDE);
  expect(fields.toSorted()).toEqual([
    'accept-encoding: identity',
    'authorization: Bearer ours',
    'connection: keep-alive',
    `content-length: ${Buffer.byteLength(WIDE)}`,
    'content-type: application/json',
    `host: ${url.host}`,
    'mcp-session-id: s-1',
  ]);
});

test.each([
  ['a string', WIDE],
  ['bytes', Buffer.from(WIDE)],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x80, 0x22])],
  ['more than is written at once', Buffer.from(`"${'ü'.repeat(100_000)}"`)],
])('an answer is exactly %s', async (_what, json) => {
  const url = await listening(
    createServer((_incoming, response) => answerJson(response, 200, json, { 'retry-after': '3' })),
  );
  const outgoing = request(url).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const collected = await collect(incoming, { maxBytes: 1_000_000, timeoutMs: 5_000 });
  expect(collected.kind === 'all' && collected.bytes.equals(Buffer.from(json as string))).toBe(true);
  expect(incoming.headers).toMatchObject({ 'content-type': 'application/json', 'retry-after': '3' });
  expect(incoming.headers['content-length']).toBe(`${Buffer.byteLength(json)}`);
});
