import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type EgressHarness,
  type Origin,
  onLoopback,
  rawClient,
  startEgress,
  startOrigin,
} from '../../testing/egress-harness.js';
import { allow, deny, fail, fakePolicyClient, hold } from '../../testing/fake-policy-client.js';

let origin: Origin;
let proxy: EgressHarness;
const client = fakePolicyClient();

async function start(config: Record<string, unknown> = {}): Promise<void> {
  proxy = await startEgress({ client, config: { specialAddresses: onLoopback(origin.port), ...config } });
}

beforeEach(async () => {
  client.asked.length = 0;
  client.settled.length = 0;
  client.behaviour = allow();
  origin = await startOrigin();
});
afterEach(async () => {
  await proxy.close();
  await origin.close();
});

const get = (path: string, ...headers: readonly string[]): string =>
  [
    `GET http://site.test:${origin.port}${path} HTTP/1.1`,
    `Host: site.test:${origin.port}`,
    ...headers,
    'Connection: close',
    '',
    '',
  ].join('\r\n');
const send = async (text: string): Promise<string> => rawClient(proxy.port, text).all();
const fieldsAt = (at: number): string[] =>
  (origin.requests[at]?.rawHeaders ?? []).map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text));

describe('an answer that comes before the request is over', () => {
  const body = 64 * 1024;
  const head = (length: number): string =>
    `POST http://site.test:${origin.port}/early HTTP/1.1\r\nHost: site.test:${origin.port}\r\nContent-Length: ${length}\r\n\r\n`;
  beforeEach(async () => {
    await start();
    origin.server.removeAllListeners('request');
    origin.server.on('request', (_request, response: ServerResponse) => {
      response.writeHead(413, { 'content-length': 5, connection: 'close' }).end('early');
    });
  });

  test('leaves the connection usable once the client has said the rest', async () => {
    const client = rawClient(proxy.port, head(body), 'x');
    expect(await client.until('early')).toMatch(/^HTTP\/1\.1 413 /);
    client.socket.write('x'.repeat(body - 1));
    client.socket.write(get('/next'));
    const all = await client.all();
    expect(all.match(/HTTP\/1\.1 413 /g)).toHaveLength(2);
  });

  test('ends the connection of a client that goes on and on', async () => {
    const client = rawClient(proxy.port, head(2 ** 30), 'x');
    await client.until('early');
    const more = setInterval(() => client.socket.write('x'.repeat(1024)), 10);
    expect(await client.all()).toMatch(/early$/);
    clearInterval(more);
  });
});

describe('an allowed request', () => {
  test('reaches the host that was decided about, with the agent’s own headers, and is settled', async () => {
    await start();
    const answer = await send(get('/a%20b?q=1', 'Accept: x/y', 'X-Own: one', 'X-Own: two'));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*hello \/a%20b\?q=1/);
    expect(client.asked).toMatchObject([
      {
        source: 'egress_proxy',
        kind: 'egress',
        egress: {
          scheme: 'http',
          host: 'site.test',
          port: origin.port,
          method: 'GET',
          path: '/a b',
          resolved_ips: ['127.0.0.1'],
          bytes: 0,
        },
        context: { attributes: { query: 'q=1' }, session_id: 'run-1' },
      },
    ]);
    expect(fieldsAt(0)).toEqual([
      'host',
      `site.test:${origin.port}`,
      'accept',
      'x/y',
      'x-own',
      'one',
      'x-own',
      'two',
      'connection',
      'close',
    ]);
    expect(client.settled).toMatchObject([{ outcome: 'forwarded', usage: { bytes: 0 } }]);
    expect(proxy.lines('Connection ended')).toMatchObject([
      { host: 'site.test', port: origin.port, resolved_ips: ['127.0.0.1'], address: '127.0.0.1', ending: 'completed' },
    ]);
    expect(await proxy.registry.metrics()).toContain('egress_connections_total{ending="completed"} 1');
  });

  test('loses what is for one connection only, and what is for the proxy', async () => {
    await start();
    await send(
      get(
        '/',
        'Proxy-Authorization: Basic YTpi',
        'Proxy-Connection: keep-alive',
        'Keep-Alive: 5',
        'TE: trailers',
        'X-Hop: gone',
        'Connection: x-hop',
        'X-Stays: here',
      ),
    );
    expect(fieldsAt(0).join(' ')).toBe(`host site.test:${origin.port} x-stays here connection close`);
  });

  test.each([
    ['a body of known length', 'Content-Length: 5\r\n\r\nhello', 5],
    ['a chunked body', 'Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n', 8_388_608],
  ])('carries %s', async (_name, rest, bytes) => {
    await start();
    const text = `POST http://site.test:${origin.port}/up HTTP/1.1\r\nHost: site.test:${origin.port}\r\nConnection: close\r\n${rest}`;
    expect(await send(text)).toContain('200 OK');
    expect(origin.requests.map(({ body }) => body.toString())).toEqual(['hello']);
    expect(client.asked[0]?.egress?.bytes).toBe(bytes);
    expect(client.settled).toMatchObject([{ usage: { bytes: 5 } }]);
  });

  test('waits with its body until it was allowed', async () => {
    await start();
    const raw = rawClient(
      proxy.port,
      `PUT http://site.test:${origin.port}/ HTTP/1.1\r\nHost: site.test:${origin.port}\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n`,
    );
    expect(await raw.until('100 Continue')).toContain('HTTP/1.1 100 Continue');
    raw.socket.write('ok');
    expect(await raw.all()).toContain('200 OK');
    expect(origin.requests[0]?.body.toString()).toBe('ok');
  });

  test('has its answer passed on as it comes, and unchanged', async () => {
    await start();
    let finish = (): void => undefined;
    origin.serve = (_request, response) => {
      response.writeHead(207, 'Multi', [
        'X-One',
        '1',
        'Set-Cookie',
        'a',
        'Set-Cookie',
        'b',
        'Connection',
        'x-gone',
        'X-Gone',
        '1',
      ]);
      response.write('first');
      finish = () => void response.end('last');
    };
    const raw = rawClient(proxy.port, get('/'));
    const begun = await raw.until('first');
    expect(begun).toMatch(/^HTTP\/1\.1 207 Multi\r\nX-One: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n/);
    expect(begun.toLowerCase()).not.toContain('x-gone');
    expect(begun.toLowerCase()).not.toContain('via');
    finish();
    expect(await raw.all()).toContain('last');
  });

  test('is answered with a redirect, which is a request of its own when it is followed', async () => {
    await start();
    client.behaviour = (request) => (request.egress?.path === '/next' ? deny() : allow())(request);
    origin.serve = (_request, response) => {
      response.writeHead(302, { location: `http://site.test:${origin.port}/next` }).end();
    };
    expect(await send(get('/'))).toContain(`location: http://site.test:${origin.port}/next`);
    expect(await send(get('/next'))).toContain('HTTP/1.1 403');
    expect(origin.requests.map(({ line }) => line)).toEqual(['GET /']);
  });
});

describe('a request that is not allowed', () => {
  test.each([
    ['denied', deny(), 403, 'POLICY_DENIED'],
    ['held', hold(), 403, 'APPROVAL_REQUIRED'],
    ['undecided', fail('PDP_UNAVAILABLE'), 503, 'PDP_UNAVAILABLE'],
    [
      'under a condition that cannot be carried out',
      allow({ conditions: [{ type: 'redact', value: {} }] }),
      503,
      'OBLIGATION_UNSUPPORTED',
    ],
    [
      'to be reported',
      allow({ obligations: [{ type: 'report_result', value: { max_bytes: 100 } }] }),
      503,
      'OBLIGATION_UNSUPPORTED',
    ],
  ])('that is %s never reaches the host', async (_name, behaviour, status, code) => {
    await start();
    client.behaviour = behaviour;
    const answer = await send(get('/'));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as Record<string, unknown>;
    expect(body).toMatchObject({ status, code });
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    expect(origin.connections()).toBe(0);
    expect(proxy.lines('Connection blocked')).toMatchObject([{ host: 'site.test', deny_code: code }]);
  });

  test('a hold says which approval it waits for, and where to ask', async () => {
    await start();
    const approval = { approval_id: 'a-1', state: 'pending', poll: '/v1/approvals/a-1', poll_seconds: 5 };
    client.behaviour = async (request) => {
      const answer = await hold()(request);
      if (answer.kind !== 'decision') return answer;
      return {
        kind: 'decision',
        decision: { ...answer.decision, conditions: [{ type: 'require_approval', value: approval }] },
      };
    };
    const answer = await send(get('/'));
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as Record<string, unknown>;
    expect(body).toMatchObject({ outcome: 'held', hold: approval, decision_id: expect.stringMatching(/^decision-/) });
  });

  test.each([
    ['another Host', (port: number) => `GET http://site.test:${port}/ HTTP/1.1\r\nHost: evil.test:${port}\r\n\r\n`],
    ['another port in Host', (port: number) => `GET http://site.test:${port}/ HTTP/1.1\r\nHost: site.test\r\n\r\n`],
    [
      'two Hosts',
      (port: number) =>
        `GET http://site.test:${port}/ HTTP/1.1\r\nHost: site.test:${port}\r\nHost: site.test:${port}\r\n\r\n`,
    ],
    ['no Host', (port: number) => `GET http://site.test:${port}/ HTTP/1.1\r\n\r\n`],
    [
      'credentials in the URL',
      (port: number) => `GET http://a@site.test:${port}/ HTTP/1.1\r\nHost: site.test:${port}\r\n\r\n`,
    ],
    ['a path alone', () => 'GET / HTTP/1.1\r\nHost: site.test\r\n\r\n'],
    ['https without CONNECT', () => 'GET https://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n'],
    ['another scheme', () => 'GET ftp://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n'],
    [
      'a method override',
      (port: number) =>
        `GET http://site.test:${port}/ HTTP/1.1\r\nHost: site.test:${port}\r\nX-HTTP-Method-Override: DELETE\r\n\r\n`,
    ],
    [
      'a dot segment',
      (port: number) => `GET http://site.test:${port}/a/../b HTTP/1.1\r\nHost: site.test:${port}\r\n\r\n`,
    ],
    [
      'an escaped slash',
      (port: number) => `GET http://site.test:${port}/a%2fb HTTP/1.1\r\nHost: site.test:${port}\r\n\r\n`,
    ],
    [
      'a Connection that names Host',
      (port: number) => `GET http://site.test:${port}/ HTTP/1.1\r\nHost: site.test:${port}\r\nConnection: host\r\n\r\n`,
    ],
    ['TRACE', (port: number) => `TRACE http://site.test:${port}/ HTTP/1.1\r\nHost: site.test:${port}\r\n\r\n`],
  ])('with %s is refused without a question', async (_name, request) => {
    await start();
    expect(await send(request(origin.port))).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(client.asked).toEqual([]);
    expect(origin.connections()).toBe(0);
  });
});

test('HEAD is answered with the head alone, its length included', async () => {
  await start();
  origin.serve = (_request, response) => void response.writeHead(200, { 'content-length': '1234' }).end();
  const answer = await send(get('/').replace('GET', 'HEAD'));
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 1234\r\n/);
  expect(answer.endsWith('\r\n\r\n')).toBe(true);
});

test('an answer is read no faster than the agent reads it', async () => {
  await start();
  const total = 64 * 1024 * 1024;
  let written = 0;
  origin.serve = (_request, response) => {
    response.writeHead(200, { 'content-length': String(total) });
    const write = (): void => {
      while (written < total) {
        written += 65_536;
        if (!response.write(Buffer.alloc(65_536))) {
          response.once('drain', write);
          return;
        }
      }
      response.end();
    };
    write();
  };
  const raw = rawClient(proxy.port, get('/'));
  raw.socket.pause();
  let before = -1;
  // It has stopped once several looks see the same.
  for (let same = 0; same < 20; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = written === before && written > 0 ? same + 1 : 0;
    before = written;
  }
  expect(written).toBeLessThan(total / 2);
  raw.socket.destroy();
});

test('while draining, nothing new is served, and what is under way may end', async () => {
  await start();
  let finish = (): void => undefined;
  origin.serve = (_request, response) => {
    response.write('begun ');
    finish = () => void response.end('done');
  };
  const raw = rawClient(proxy.port, get('/slow'));
  await raw.until('begun');
  const finished = proxy.surface.finish();
  expect(await send(get('/new'))).toBe('');
  finish();
  expect(await raw.all()).toContain('done');
  await finished;
});

test('a refusal is read even by a client that is still sending', async () => {
  await start();
  client.behaviour = deny();
  const raw = rawClient(
    proxy.port,
    `POST http://site.test:${origin.port}/ HTTP/1.1\r\nHost: site.test:${origin.port}\r\nContent-Length: 4000000\r\n\r\n`,
  );
  raw.socket.write(Buffer.alloc(1_000_000));
  expect(await raw.until('decision_id')).toContain('HTTP/1.1 403');
  raw.socket.write(Buffer.alloc(3_000_000));
  expect(await raw.all()).toContain('POLICY_DENIED');
  expect(origin.connections()).toBe(0);
});

test('a body that grows beyond what may be sent is a 413', async () => {
  await start({ limits: { maxUploadBytes: 2048, bytesPerDecision: 2048 } });
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
  const text = `POST http://site.test:${origin.port}/ HTTP/1.1\r\nHost: site.test:${origin.port}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  expect(await send(text + chunk + chunk + chunk)).toContain('HTTP/1.1 413');
  expect(await send(text.replace('Transfer-Encoding: chunked', 'Content-Length: 4096'))).toContain('HTTP/1.1 413');
  expect(client.asked).toHaveLength(1);
  expect(origin.requests).toEqual([]);
});

test('OPTIONS without a path asks about the server itself', async () => {
  await start();
  const text = `OPTIONS http://site.test:${origin.port} HTTP/1.1\r\nHost: site.test:${origin.port}\r\nConnection: close\r\n\r\n`;
  expect(await send(text)).toContain('200 OK');
  expect(origin.requests.map(({ line }) => line)).toEqual(['OPTIONS *']);
  expect(client.asked[0]?.egress?.path).toBe('*');
});

test('HTTP/1.0 needs no Host', async () => {
  await start();
  expect(await send(`GET http://site.test:${origin.port}/old HTTP/1.0\r\n\r\n`)).toContain('hello /old');
  expect(fieldsAt(0)).toContain(`site.test:${origin.port}`);
});

test('paths are named as they were sent where the configuration says so', async () => {
  await start({ paths: 'as_sent' });
  expect(await send(get('/@scope%2fname//x;y'))).toContain('200 OK');
  expect(client.asked[0]?.egress?.path).toBe('/@scope%2fname//x;y');
});

test('a body that goes on is decided again, and broken off when it may not', async () => {
  await start({ limits: { bytesPerDecision: 1024 } });
  client.behaviour = (request) => ((request.egress?.bytes ?? 0) > 2048 ? deny() : allow())(request);
  const raw = rawClient(
    proxy.port,
    `POST http://site.test:${origin.port}/ HTTP/1.1\r\nHost: site.test:${origin.port}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
  );
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
  raw.socket.write(chunk);
  raw.socket.write(chunk);
  raw.socket.write(chunk);
  expect(await raw.all()).toContain('HTTP/1.1 403');
  expect(client.asked.map(({ egress }) => egress?.bytes)).toEqual([1024, 2048, 3072]);
  expect(client.settled).toMatchObject([{ usage: { bytes: 1024 } }, { usage: { bytes: 1024 } }]);
  expect(origin.requests).toEqual([]);
});

test('credentials are asked for where the configuration wants them, and never passed on', async () => {
  proxy = await startEgress({
    client,
    config: { specialAddresses: onLoopback(origin.port), credential: { env: 'PROXY_SECRET' } },
    env: { PROXY_SECRET: 'agent:secret' },
  });
  expect(await send(get('/'))).toMatch(/^HTTP\/1\.1 407 [\s\S]*proxy-authenticate: Basic/i);
  expect(await send(get('/', 'Proxy-Authorization: Basic YWdlbnQ6d3Jvbmc='))).toContain('HTTP/1.1 407');
  expect(client.asked).toEqual([]);
  expect(await send(get('/', `Proxy-Authorization: Basic ${btoa('agent:secret')}`))).toContain('200 OK');
  expect(fieldsAt(0)).not.toContain('proxy-authorization');
});

test('a request under way is cut off by the kill switch', async () => {
  await start();
  origin.serve = () => undefined;
  const raw = rawClient(proxy.port, get('/'));
  while (origin.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  client.behaviour = deny({ code: 'KILL_SWITCH' });
  proxy.killEpoch('pdp:1', 7);
  expect(await raw.all()).toMatch(/^HTTP\/1\.1 403 [\s\S]*KILL_SWITCH/);
  expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'kill_switch' }]);
});
