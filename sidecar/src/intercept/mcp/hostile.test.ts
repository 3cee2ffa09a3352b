/** The tables of bad inputs (HTTP/1.1 and JSON-RPC): each is refused with its status, and nothing goes upstream. */

import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RPC_CODE } from '../../enforce/refuse.js';
import { allow, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

const client = fakePolicyClient();
let upstream: RecordingUpstream;
let harness: Harness;

beforeAll(async () => {
  upstream = await recordingUpstream();
  harness = await startHarness({
    client,
    upstreamUrl: upstream.url,
    limits: { maxBodyBytes: 65_536, bodyTimeoutMs: 300, headersTimeoutMs: 500, maxHeaders: 50 },
  });
});
afterAll(async () => {
  await harness.close();
  await upstream.close();
});
beforeEach(() => {
  client.behaviour = allow();
  client.asked.length = 0;
  upstream.requests.length = 0;
});

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{}}}';
const JSON_HEADERS = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];

/** Writes raw bytes and reads until the connection ends or an answer with its body has arrived. */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(harness.port, '127.0.0.1', () => socket.write(text, 'latin1'));
    let received = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      const length = /content-length: (\d+)/i.exec(received)?.[1];
      const head = received.indexOf('\r\n\r\n');
      if (length !== undefined && head !== -1 && received.length >= head + 4 + Number(length)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
  });
}

const HEAD = 'POST /mcp/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const SIZED = `Content-Length: ${CALL.length}\r\n`;

describe('raw HTTP', () => {
  const chunked = CALL.length.toString(16);
  test.each([
    ['both lengths', `${HEAD}${SIZED}Transfer-Encoding: chunked\r\n\r\n${CALL}`, 400],
    ['two equal lengths', `${HEAD}${SIZED}${SIZED}\r\n${CALL}`, 400],
    ['two lengths', `${HEAD}${SIZED}Content-Length: 1\r\n\r\n${CALL}`, 400],
    ['xchunked', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n${CALL}`, 400],
    ['chunked, identity', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n${CALL}`, 400],
    ['space before colon', `${HEAD}X-A : 1\r\n${SIZED}\r\n${CALL}`, 400],
    ['bare LF', `POST /mcp/files HTTP/1.1\nHost: localhost\n${SIZED}\n${CALL}`, 400],
    ['folded header', `${HEAD}X-A: 1\r\n 2\r\n${SIZED}\r\n${CALL}`, 400],
    ['signed length', `${HEAD}Content-Length: +${CALL.length}\r\n\r\n${CALL}`, 400],
    ['hexadecimal length', `${HEAD}Content-Length: 0x10\r\n\r\n${CALL}`, 400],
    ['NUL in a header', `${HEAD}X-A: a\0b\r\n${SIZED}\r\n${CALL}`, 400],
    ['no Host', `POST /mcp/files HTTP/1.1\r\nContent-Type: application/json\r\n${SIZED}\r\n${CALL}`, 400],
    ['two Hosts', `${HEAD}Host: localhost\r\n${SIZED}\r\n${CALL}`, 400],
    ['two Hosts, second evil', `${HEAD}Host: evil.example\r\n${SIZED}\r\n${CALL}`, 400],
    ['two Authorizations', `${HEAD}Authorization: a\r\nAuthorization: b\r\n${SIZED}\r\n${CALL}`, 400],
    ['two Content-Types', `${HEAD}Content-Type: application/json\r\n${SIZED}\r\n${CALL}`, 400],
    ['a header named __proto__', `${HEAD}__proto__: 1\r\n${SIZED}\r\n${CALL}`, 400],
    [
      'absolute form',
      `POST http://evil/mcp/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${SIZED}\r\n${CALL}`,
      400,
    ],
    ['trailers', `${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunked}\r\n${CALL}\r\n0\r\nX-T: 1\r\n\r\n`, 400],
    ['upgrade', `${HEAD}Connection: upgrade\r\nUpgrade: websocket\r\n${SIZED}\r\n${CALL}`, 400],
    ['expect', `${HEAD}Expect: 100-continue\r\n${SIZED}\r\n${CALL}`, 417],
    ['CONNECT', 'CONNECT 10.0.0.1:25 HTTP/1.1\r\nHost: localhost\r\n\r\n', 405],
    ['a head over 16 KiB', `${HEAD}X-A: ${'a'.repeat(20_000)}\r\n${SIZED}\r\n${CALL}`, 431],
    ['too many headers', `${HEAD}${'X-A: 1\r\n'.repeat(60)}${SIZED}\r\n${CALL}`, 431],
    ['a head that never ends', 'POST /mcp/files HTTP/1.1\r\nHost: localhost\r\nX', 408],
    ['a body that never ends', `${HEAD}${SIZED}\r\n{`, 408],
    [
      'never-ending chunks',
      `${HEAD}Transfer-Encoding: chunked\r\n\r\n${'1000\r\n'.concat('a'.repeat(4096), '\r\n').repeat(20)}`,
      413,
    ],
    ['a length over the cap', `${HEAD}Content-Length: 99999999\r\n\r\n`, 413],
  ])('%s', async (_name, text, status) => {
    const answer = await raw(text);
    expect(answer.split('\r\n', 1)[0]).toContain(` ${status} `);
    expect(upstream.requests).toEqual([]);
    expect(client.asked).toEqual([]);
  });

  test('chunk extensions are accepted and not forwarded', async () => {
    const answer = await raw(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunked};x=secret\r\n${CALL}\r\n0\r\n\r\n`);
    expect(answer).toContain(' 200 ');
    expect(JSON.stringify(upstream.requests)).not.toContain('secret');
    expect(upstream.requests.map(({ body }) => body)).toEqual([CALL]);
  });

  test('pipelined requests are decided one by one', async () => {
    const one = `${HEAD}${SIZED}\r\n${CALL}`;
    const both = await raw(`${one}${one.replace('POST', 'POST')}`);
    expect(both).toContain(' 200 ');
    expect(client.asked.length).toBe(upstream.requests.length);
  });
});

describe('paths', () => {
  test.each([
    '/mcp',
    '//mcp/files',
    '/mcp/files/',
    '/mcp/files?x=1',
    '/mcp/..%2fmcp/files',
    '/mcp;x/files',
    '/mcp/files%00',
    '/MCP/files',
    '/mcp/other',
    '/',
  ])('%s is not there', async (path) => {
    const answer = await harness.send({ path, headers: JSON_HEADERS, body: CALL });
    expect(answer.status).toBe(404);
    expect(upstream.requests).toEqual([]);
  });
});

describe('hosts and origins, each on its own', () => {
  test.each([
    [['host', 'evil.example'], 403],
    [['host', 'localhost.evil.example'], 403],
    [['host', '127.0.0.1.nip.io:80'], 403],
    [['host', 'localhost', 'origin', 'http://evil.example'], 403],
    [['host', 'localhost', 'origin', 'null'], 403],
    [['host', 'evil.example', 'origin', 'http://localhost'], 403],
    [['host', 'localhost:9', 'origin', 'http://localhost:3000'], 200],
    [['host', '[::1]:80'], 200],
  ])('%j gives %d', async (headers, status) => {
    const answer = await harness.send({ headers: [...JSON_HEADERS, ...headers], body: CALL });
    expect(answer.status).toBe(status);
    expect(upstream.requests).toHaveLength(status === 200 ? 1 : 0);
  });
});

describe('methods and content', () => {
  test.each([
    ['PUT', JSON_HEADERS, 405],
    ['OPTIONS', JSON_HEADERS, 405],
    ['POST', ['content-type', 'text/plain'], 415],
    ['POST', [], 415],
    ['POST', [...JSON_HEADERS, 'content-encoding', 'gzip'], 415],
    ['POST', ['content-type', 'application/json', 'accept', 'text/html'], 406],
    ['POST', [...JSON_HEADERS, 'mcp-session-id', 'a b'], 400],
    ['GET', ['accept', 'application/json'], 406],
  ])('%s %j gives %d', async (method, headers, status) => {
    const answer = await harness.send({ method, headers, ...(method === 'GET' ? {} : { body: CALL }) });
    expect(answer.status).toBe(status);
    expect(upstream.requests).toEqual([]);
  });
});

const call = (params: unknown, extra = ''): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call"${extra},"params":${typeof params === 'string' ? params : JSON.stringify(params)}}`;

describe('JSON-RPC bodies', () => {
  const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
  test.each<[string, string | Buffer, number, number]>([
    ['duplicate key', call('{"name":"read","name":"evil"}'), 400, -32700],
    ['duplicate key by escape', call('{"name":"read","n\\u0061me":"evil"}'), 400, -32700],
    ['duplicate key deep inside', call('{"name":"read","arguments":{"a":[{"b":1,"b":2}]}}'), 400, -32700],
    ['Name besides name', call('{"name":"read","Name":"evil"}'), 400, -32600],
    ['Name instead of name', call('{"Name":"evil"}'), 400, -32600],
    ['ARGUMENTS', call('{"name":"read","ARGUMENTS":{}}'), 400, -32600],
    ['long s in arguments', call('{"name":"read","argument\\u017f":{}}'), 400, -32600],
    ['arguments that differ by case', call('{"name":"read","arguments":{"path":"/ok","Path":"/etc"}}'), 400, -32600],
    ['METHOD', call({ name: 'read' }, ',"METHOD":"x"'), 400, -32600],
    ['unknown member', call({ name: 'read' }, ',"extra":1'), 400, -32600],
    ['result besides method', call({ name: 'read' }, ',"result":{}'), 400, -32600],
    ['__proto__', call('{"name":"read","arguments":{"__proto__":{"admin":true}}}'), 400, -32700],
    ['constructor', call('{"name":"read","arguments":{"constructor":1}}'), 400, -32700],
    ['unsafe integer', call('{"name":"read","arguments":{"n":9007199254740993}}'), 400, -32700],
    ['1e400', call('{"name":"read","arguments":{"n":1e400}}'), 400, -32700],
    ['NaN', call('{"name":"read","arguments":{"n":NaN}}'), 400, -32700],
    ['id null', CALL.replace('"id":1', '"id":null'), 400, -32600],
    ['id float', CALL.replace('"id":1', '"id":1.5'), 400, -32600],
    ['id object', CALL.replace('"id":1', '"id":{}'), 400, -32600],
    ['id bool', CALL.replace('"id":1', '"id":true'), 400, -32600],
    ['id huge', CALL.replace('"id":1', `"id":"${'x'.repeat(300)}"`), 400, -32600],
    ['call without id', CALL.replace('"id":1,', ''), 400, -32600],
    ['notification with id', '{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}', 400, -32600],
    ['batch', `[${CALL}]`, 400, -32600],
    ['empty batch', '[]', 400, -32600],
    ['two values', `${CALL}${CALL}`, 400, -32700],
    ['trailing bytes', `${CALL}x`, 400, -32700],
    ['BOM', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes(CALL)]), 400, -32700],
    ['UTF-16', Buffer.from(CALL, 'utf16le'), 400, -32700],
    [
      'invalid UTF-8',
      Buffer.concat([bytes(CALL.slice(0, -20)), Buffer.from([0xff]), bytes(CALL.slice(-20))]),
      400,
      -32700,
    ],
    ['lone surrogate', call('{"name":"read","arguments":{"a":"\\ud800"}}'), 400, -32700],
    ['depth', call(`{"name":"read","arguments":{"a":${'['.repeat(70)}${']'.repeat(70)}}}`), 400, -32700],
    ['no jsonrpc', CALL.replace('"jsonrpc":"2.0",', ''), 400, -32600],
    ['jsonrpc 1.0', CALL.replace('2.0', '1.0'), 400, -32600],
    ['params array', call('["read"]'), 400, -32602],
    ['params null', call('null'), 400, -32602],
    ['method number', '{"jsonrpc":"2.0","id":1,"method":5}', 400, -32600],
    ['empty object', '{}', 400, -32600],
    ['a string', '"x"', 400, -32600],
    ['nothing', ' ', 400, -32700],
    ['method with a space', CALL.replace('tools/call', 'tools/call '), 200, -32601],
    ['method by case', CALL.replace('tools/call', 'Tools/Call'), 200, -32601],
    ['unknown method', CALL.replace('tools/call', 'tools/destroy'), 200, -32601],
    ['a method of servers', CALL.replace('tools/call', 'sampling/createMessage'), 200, -32601],
    ['constructor as method', CALL.replace('tools/call', 'constructor'), 200, -32601],
    ['a modern method in the legacy era', CALL.replace('tools/call', 'server/discover'), 200, -32601],
    ['arguments array', call('{"name":"read","arguments":[]}'), 200, -32602],
    ['name missing', call('{}'), 200, -32602],
    ['name number', call('{"name":5}'), 200, -32602],
    ['answer to nothing', '{"jsonrpc":"2.0","id":1,"result":{}}', 400, -32600],
  ])('%s', async (_name, body, status, code) => {
    const answer = await harness.post(body);
    expect({ status: answer.status, code: answer.json.error?.code }).toEqual({ status, code });
    expect(upstream.requests).toEqual([]);
    expect(client.asked).toEqual([]);
  });

  test.each([
    '',
    'a'.repeat(129),
    're\u0430d_file',
    '\uff52ead',
    're\u200bad',
    '\u202eread',
    'read\u{e0041}',
    'caf\u00e9',
    'cafe\u0301',
    '../x',
    'a/../b',
    './a',
    'a//b',
    '/a',
    'a/',
    'a\0b',
    'a,b',
    'a\nb',
    ' a',
    'a ',
  ])('tool name %j', async (name) => {
    const answer = await harness.post(call({ name, arguments: {} }));
    expect(answer.json.error?.code).toBe(RPC_CODE.invalidParams);
    expect(upstream.requests).toEqual([]);
  });

  test('an unknown notification is refused by status', async () => {
    const answer = await harness.post('{"jsonrpc":"2.0","method":"notifications/evil"}');
    expect(answer.status).toBe(404);
    expect(upstream.requests).toEqual([]);
  });
});

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const MODERN = call({ name: 'read', arguments: { region: 'eu', n: 42 }, _meta: META });
const mirrors = (name = 'read', method = 'tools/call', version = '2026-07-28'): string[] => [
  'mcp-protocol-version',
  version,
  'mcp-method',
  method,
  'mcp-name',
  name,
];

describe('header mirrors of 2026-07-28', () => {
  test.each<[string, readonly string[]]>([
    ['equal', mirrors()],
    ['the name in Base64', mirrors('=?base64?cmVhZA==?=')],
    ['a mirrored argument', [...mirrors(), 'mcp-param-region', 'eu']],
    ['a mirrored number', [...mirrors(), 'mcp-param-n', '42.0']],
  ])('%s passes', async (_name, headers) => {
    expect((await harness.post(MODERN, headers)).status).toBe(200);
    expect(upstream.requests).toHaveLength(1);
  });

  test.each<[string, readonly string[]]>([
    ['other name', mirrors('write')],
    ['other method', mirrors('read', 'tools/list')],
    ['name by case', mirrors('Read')],
    ['other name in Base64', mirrors('=?base64?d3JpdGU=?=')],
    ['broken Base64', mirrors('=?base64?cmV!hZA==?=')],
    ['Base64 of invalid UTF-8', mirrors('=?base64?/w==?=')],
    ['no name', mirrors().slice(0, 4)],
    ['no method', [...mirrors().slice(0, 2), 'mcp-name', 'read']],
    ['no version', mirrors().slice(2)],
    ['older version', mirrors('read', 'tools/call', '2025-11-25')],
    ['two names', [...mirrors(), 'mcp-name', 'delete']],
    ['two equal names', [...mirrors(), 'Mcp-Name', 'read']],
    ['two versions', [...mirrors(), 'mcp-protocol-version', '2026-07-28']],
    ['a parameter that no argument has', [...mirrors(), 'mcp-param-region', 'us']],
  ])('%s is a mismatch', async (_name, headers) => {
    const answer = await harness.post(MODERN, headers);
    expect(answer.status).toBe(400);
    expect(answer.json.error?.code).toBe(RPC_CODE.headerMismatch);
    expect(upstream.requests).toEqual([]);
    expect(client.asked).toEqual([]);
  });

  test('a legacy call whose mirror lies is refused as well', async () => {
    const answer = await harness.post(CALL, ['mcp-name', 'write']);
    expect(answer.json.error?.code).toBe(RPC_CODE.headerMismatch);
  });

  test.each(['2024-11-05', '9999', '2025-11-26', 'DRAFT'])('version %s is refused', async (version) => {
    const answer = await harness.post(CALL, ['mcp-protocol-version', version]);
    expect(answer.status).toBe(400);
    expect(answer.json.error?.code).toBe(RPC_CODE.unsupportedProtocolVersion);
    expect(answer.json.error?.data).toMatchObject({ requested: version });
    expect(upstream.requests).toEqual([]);
  });

  test('an unknown version that is claimed can only be met by one that is claimed', async () => {
    const meta = { ...META, 'io.modelcontextprotocol/protocolVersion': 'v999' };
    const answer = await harness.post(
      call({ name: 'read', arguments: {}, _meta: meta }),
      mirrors('read', 'tools/call', 'v999'),
    );
    expect(answer).toMatchObject({
      status: 400,
      json: {
        error: { code: RPC_CODE.unsupportedProtocolVersion, data: { supported: ['2026-07-28'], requested: 'v999' } },
      },
    });
    expect(upstream.requests).toEqual([]);
  });

  test('a modern unknown method is 404 and -32601', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { _meta: META } });
    const answer = await harness.post(body, mirrors('', 'ping').slice(0, 4));
    expect({ status: answer.status, code: answer.json.error?.code }).toEqual({ status: 404, code: -32601 });
  });
});

test('no header of the agent carries a credential upstream', async () => {
  const canary = 'CANARY-7f3a';
  const names = [
    'authorization',
    'cookie',
    'proxy-authorization',
    'x-api-key',
    'x-portcullis-tenant',
    'x-forwarded-for',
    'te',
    'connection-x',
    'keep-alive',
    'baggage',
    'user-agent',
  ];
  await harness.post(
    CALL,
    names.flatMap((name) => [name, canary]),
  );
  expect(upstream.requests).toHaveLength(1);
  expect(JSON.stringify(upstream.requests)).not.toContain(canary);
});

test('the credential of the configuration goes upstream, and only there', async () => {
  const own = await startHarness({
    client,
    upstreamUrl: upstream.url,
    headers: { authorization: { env: 'TOKEN' } },
    env: { TOKEN: 'Bearer s3cret\n' },
  });
  const answer = await own.post(CALL, ['authorization', 'Bearer agent']);
  await own.close();
  expect(upstream.requests[0]?.headers['authorization']).toBe('Bearer s3cret');
  expect(answer.text + own.logged.join('')).not.toContain('s3cret');
});

test('a missing credential stops the start', async () => {
  const started = startHarness({ client, upstreamUrl: upstream.url, headers: { authorization: { env: 'NONE' } } });
  await expect(started).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_MISSING' });
});
