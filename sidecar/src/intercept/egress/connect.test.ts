import { once } from 'node:events';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ByteRecorder,
  clientHello,
  type EgressHarness,
  type Origin,
  onLoopback,
  type RawClient,
  rawClient,
  startByteRecorder,
  startEgress,
  startOrigin,
} from '../../testing/egress-harness.js';
import { allow, deny, fail, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { createMint, type Mint } from './certificate-mint.js';

let mint: Mint;
let origin: Origin;
let recorder: ByteRecorder;
let proxy: EgressHarness;
const client = fakePolicyClient();

beforeAll(async () => {
  mint = await createMint(undefined);
});
beforeEach(async () => {
  client.asked.length = 0;
  client.settled.length = 0;
  client.behaviour = allow();
  origin = await startOrigin(await mint.leafFor('site.test'));
  recorder = await startByteRecorder();
});
afterEach(async () => {
  await proxy.close();
  await origin.close();
  await recorder.close();
});
afterAll(() => client.close());

async function start(config: Record<string, unknown> = {}): Promise<void> {
  proxy = await startEgress({
    client,
    config: { specialAddresses: onLoopback(origin.port, recorder.port), ...config },
  });
}

function tunnel(authority: string): RawClient {
  return rawClient(proxy.port, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
}

async function tls(authority: string, options: ConnectionOptions): Promise<TLSSocket> {
  const raw = tunnel(authority);
  expect(await raw.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  raw.socket.removeAllListeners('data');
  const socket = connectTls({ socket: raw.socket, ca: mint.caPem, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

/** Adds an encrypted hello of eight bytes to the extensions. */
function withEncryptedHello(hello: Buffer): Buffer {
  const added = Buffer.from([0xfe, 0x0d, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  const grown = Buffer.concat([hello, added]);
  grown.writeUInt16BE(grown.readUInt16BE(3) + added.length, 3);
  grown.writeUIntBE(grown.readUIntBE(6, 3) + added.length, 6, 3);
  const ciphers = 44 + grown.readUInt8(43);
  const compression = ciphers + 2 + grown.readUInt16BE(ciphers);
  const extensions = compression + 1 + grown.readUInt8(compression);
  grown.writeUInt16BE(grown.readUInt16BE(extensions) + added.length, extensions);
  return grown;
}

describe('a tunnel', () => {
  test('is one attempt, carries TLS end to end, and is settled with its bytes', async () => {
    await start();
    const socket = await tls(`SITE.test.:${origin.port}`, { servername: 'site.test' });
    socket.write('GET /secret HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toContain('hello /secret');
    await proxy.surface.finish();
    expect(client.asked).toMatchObject([
      {
        kind: 'egress',
        egress: { scheme: 'https', host: 'site.test', port: origin.port, resolved_ips: ['127.0.0.1'] },
      },
    ]);
    expect(client.asked[0]?.egress).not.toHaveProperty('path');
    expect(client.settled).toMatchObject([{ outcome: 'forwarded', usage: { bytes: expect.any(Number) } }]);
    expect(proxy.lines('Connection ended')).toMatchObject([
      {
        host: 'site.test',
        sni: 'site.test',
        ech: false,
        ending: 'completed',
        bytes_sent: client.settled[0]?.usage?.bytes,
      },
    ]);
    expect(client.settled[0]?.usage?.bytes).toBeGreaterThan(200);
  });

  test.each([
    ['denied', deny({ reason_code: 'NO_SUCH_HOST' }), 403, 'NO_SUCH_HOST'],
    ['undecided', fail('PDP_TIMEOUT'), 503, 'PDP_TIMEOUT'],
  ])('that is %s is refused with a document, and nobody is connected to', async (_name, behaviour, status, reason) => {
    await start();
    client.behaviour = behaviour;
    const answer = await tunnel(`site.test:${recorder.port}`).all();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Za-z ]+ \\(${reason}\\)\\r\\n`));
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ status, detail: expect.any(String) });
    expect(recorder.connections()).toBe(0);
  });

  test('to a host that accepts no connection is 502, and says what was decided', async () => {
    await start();
    await recorder.close();
    const answer = await tunnel(`site.test:${recorder.port}`).all();
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
      code: 'UPSTREAM_UNREACHABLE',
      decision_id: expect.stringMatching(/^decision-/),
    });
    expect(client.settled).toMatchObject([{ outcome: 'upstream_failed', usage: { bytes: 0 } }]);
    recorder = await startByteRecorder();
  });

  test('is ended by the kill switch', async () => {
    await start();
    const socket = await tls(`site.test:${origin.port}`, { servername: 'site.test' });
    socket.on('error', () => undefined);
    client.behaviour = deny({ code: 'KILL_SWITCH' });
    proxy.killEpoch('pdp:1', 9);
    await once(socket, 'close');
    await proxy.surface.finish();
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'kill_switch' }]);
  });

  test('is decided again from time to time, and ended once it may not be any more', async () => {
    await start({ limits: { recheckMs: 100 } });
    const socket = await tls(`site.test:${origin.port}`, { servername: 'site.test' });
    socket.on('error', () => undefined);
    while (client.asked.length < 3) await new Promise((resolve) => setImmediate(resolve));
    client.behaviour = deny();
    await once(socket, 'close');
    await proxy.surface.finish();
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'denied' }]);
    // Each allow is settled once, and their bytes add up.
    expect(client.settled.map(({ decision_id }) => decision_id).length).toBe(client.asked.length - 1);
    expect(new Set(client.settled.map(({ decision_id }) => decision_id)).size).toBe(client.settled.length);
    const bytes = client.settled.reduce((sum, { usage }) => sum + (usage?.bytes ?? 0), 0);
    expect(proxy.lines('Connection ended')).toMatchObject([{ bytes_sent: bytes }]);
  });

  test('that ends while it is decided again leaves no decision unsettled', async () => {
    await start({ limits: { recheckMs: 100 } });
    const socket = await tls(`site.test:${origin.port}`, { servername: 'site.test' });
    let answer = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      client.behaviour = (request) => {
        resolve();
        return new Promise((settle) => {
          answer = () => void Promise.resolve(allow()(request)).then(settle);
        });
      };
    });
    await asked;
    socket.destroy();
    await proxy.surface.finish();
    answer();
    while (client.settled.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(client.settled).toMatchObject([{ outcome: 'forwarded' }, { outcome: 'forwarded', usage: { bytes: 0 } }]);
  });

  test('is ended when the sidecar ends, and nobody waits for it', async () => {
    await start();
    const socket = await tls(`site.test:${origin.port}`, { servername: 'site.test' });
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    await proxy.surface.close();
    await closed;
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'shutdown' }]);
  });

  test.each([
    ['silent for too long', { idleTimeoutMs: 150 }, 'idle'],
    ['old', { maxLifetimeMs: 1_000 }, 'lifetime'],
  ])('that is %s is ended', async (_name, limits, ending) => {
    await start({ limits });
    const socket = await tls(`site.test:${origin.port}`, { servername: 'site.test' });
    socket.on('error', () => undefined);
    await once(socket, 'close');
    await proxy.surface.finish();
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending }]);
  });
});

describe('the handshake', () => {
  const refusals: readonly (readonly [string, () => Promise<string | Buffer>])[] = [
    ['names another server', () => clientHello({ servername: 'evil.test' })],
    ['names none', () => clientHello({})],
    ['is no TLS', async () => 'SSH-2.0-x\r\n'],
    ['is HTTP', async () => 'GET / HTTP/1.1\r\nHost: site.test\r\n\r\n'],
    ['is malformed', async () => Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0])],
    [
      'is larger than accepted',
      async () => Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0x50, 0]), Buffer.alloc(20_000)]),
    ],
    ['is followed by nothing within its time', async () => Buffer.from([22, 3])],
  ];

  test.each(refusals)('that %s ends the tunnel before the host got a byte', async (_name, first) => {
    await start({ tunnels: { helloTimeoutMs: 200 } });
    const raw = tunnel(`site.test:${recorder.port}`);
    await raw.until('\r\n\r\n');
    raw.socket.write(await first());
    expect(await raw.all()).toMatch(/^HTTP\/1\.1 200 /);
    await proxy.surface.finish();
    expect(recorder.received()).toHaveLength(0);
    expect(client.settled).toMatchObject([{ outcome: 'refused' }]);
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'handshake_refused', bytes_sent: 0 }]);
    expect(proxy.lines('Connection blocked')).toMatchObject([{ reason_code: 'EGRESS_TLS_HANDSHAKE' }]);
  });

  test('that may hide its server is refused, or noted where that is configured', async () => {
    const authority = `site.test:${recorder.port}`;
    const hiding = withEncryptedHello(await clientHello({ servername: 'site.test' }));
    await start();
    const raw = tunnel(authority);
    await raw.until('\r\n\r\n');
    raw.socket.write(hiding);
    // The TLS alert access_denied.
    expect(Buffer.from(await raw.all(), 'latin1').subarray(-7)).toEqual(Buffer.from([21, 3, 3, 0, 2, 2, 49]));
    expect(recorder.received()).toHaveLength(0);
    await proxy.close();
    await start({ tunnels: { encryptedClientHello: 'note' } });
    recorder.greet = (socket) => void socket.on('end', () => void socket.end());
    const noted = tunnel(authority);
    await noted.until('\r\n\r\n');
    noted.socket.end(hiding);
    while (recorder.received().length < hiding.length) await new Promise((resolve) => setImmediate(resolve));
    await proxy.surface.finish();
    expect(proxy.lines('Connection ended')).toMatchObject([{ ech: true, sni: 'site.test' }]);
  });

  test('may be sent before the answer, in pieces, and arrives whole', async () => {
    await start();
    const hello = await clientHello({ servername: 'Site.Test' });
    const authority = `site.test:${recorder.port}`;
    const raw = rawClient(
      proxy.port,
      Buffer.concat([Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`), hello.subarray(0, 3)]),
    );
    await raw.until('\r\n\r\n');
    expect(recorder.received()).toHaveLength(0);
    for (const byte of hello.subarray(3)) raw.socket.write(Buffer.of(byte));
    while (recorder.received().length < hello.length) await new Promise((resolve) => setImmediate(resolve));
    expect(recorder.received().equals(hello)).toBe(true);
    raw.socket.destroy();
  });

  test('may name no server where CONNECT names an address, unless that is not accepted either', async () => {
    await start();
    const hello = await clientHello({});
    const send = async (): Promise<void> => {
      const raw = tunnel(`127.0.0.1:${recorder.port}`);
      await raw.until('\r\n\r\n');
      raw.socket.end(hello);
      recorder.greet = (socket) => void socket.end();
      await raw.all();
      await proxy.surface.finish();
    };
    recorder.greet = (socket) => void socket.end();
    await send();
    expect(recorder.received().equals(hello)).toBe(true);
    await proxy.close();
    await start({ tunnels: { missingSni: 'never' } });
    await send();
    expect(recorder.received()).toHaveLength(hello.length);
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'handshake_refused' }]);
  });

  test('is not looked for where the configuration knows of another protocol', async () => {
    await start({ tunnels: { plain: [{ host: '*.test', ports: [recorder.port] }] } });
    recorder.greet = (socket) => void socket.write('SSH-2.0-server\r\n');
    const raw = tunnel(`git.test:${recorder.port}`);
    expect(await raw.until('SSH-2.0-server')).toContain('SSH-2.0-server');
    raw.socket.end('SSH-2.0-client\r\n');
    while (!recorder.received().includes('client')) await new Promise((resolve) => setImmediate(resolve));
    expect(client.asked).toMatchObject([{ egress: { scheme: 'tcp', host: 'git.test' } }]);
    raw.socket.destroy();
  });
});

describe('the bytes of a tunnel', () => {
  const plain = () => ({ tunnels: { plain: [{ host: 'raw.test', ports: [recorder.port] }] } });

  test('are decided again as they become more, and stop where a policy says so', async () => {
    await start({ ...plain(), limits: { bytesPerDecision: 1024 } });
    client.behaviour = (request) => ((request.egress?.bytes ?? 0) > 2048 ? deny() : allow())(request);
    const raw = tunnel(`raw.test:${recorder.port}`);
    await raw.until('\r\n\r\n');
    for (let at = 0; at < 3; at += 1) {
      raw.socket.write(Buffer.alloc(1024, at));
      while (recorder.received().length < Math.min(at + 1, 2) * 1024 && !raw.socket.destroyed) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await raw.all();
    await proxy.surface.finish();
    expect(client.asked.map(({ egress }) => egress?.bytes)).toEqual([1024, 2048, 3072]);
    expect(new Set(client.asked.map(({ context }) => context.request_id)).size).toBe(3);
    expect(recorder.received()).toHaveLength(2048);
    expect(client.settled.map(({ usage }) => usage?.bytes)).toEqual([1024, 1024]);
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'denied', bytes_sent: 2048 }]);
  });

  test.each([
    ['sent', 'upload_limit', { maxUploadBytes: 2048, bytesPerDecision: 2048 }],
    ['received', 'download_limit', { maxDownloadBytes: 2048 }],
  ])('that are %s are limited', async (direction, ending, limits) => {
    await start({ ...plain(), limits });
    if (direction === 'received') recorder.greet = (socket) => void socket.write(Buffer.alloc(4096));
    const raw = tunnel(`raw.test:${recorder.port}`);
    await raw.until('\r\n\r\n');
    if (direction === 'sent') raw.socket.write(Buffer.alloc(4096));
    await raw.all();
    await proxy.surface.finish();
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending }]);
    expect(recorder.received().length).toBeLessThanOrEqual(2048);
  });

  test('go on one way after the other side has ended', async () => {
    await start(plain());
    recorder.greet = (socket) => {
      socket.on('end', () => void socket.end('goodbye'));
    };
    const raw = tunnel(`raw.test:${recorder.port}`);
    await raw.until('\r\n\r\n');
    raw.socket.end('that is all');
    expect(await raw.all()).toContain('goodbye');
    expect(recorder.received().toString()).toBe('that is all');
  });
});

test('credentials are asked for where the configuration wants them', async () => {
  proxy = await startEgress({
    client,
    config: { specialAddresses: onLoopback(recorder.port), credential: { env: 'PROXY_SECRET' } },
    env: { PROXY_SECRET: 'agent:secret' },
  });
  const text = `CONNECT site.test:${recorder.port} HTTP/1.1\r\nHost: site.test:${recorder.port}\r\n`;
  expect(await rawClient(proxy.port, `${text}\r\n`).all()).toMatch(/^HTTP\/1\.1 407 [\s\S]*proxy-authenticate: Basic/);
  expect(client.asked).toEqual([]);
  const raw = rawClient(proxy.port, `${text}Proxy-Authorization: Basic ${btoa('agent:secret')}\r\n\r\n`);
  expect(await raw.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  raw.socket.destroy();
});

test('CONNECT in HTTP/1.0 needs no Host', async () => {
  await start();
  const raw = rawClient(proxy.port, `CONNECT site.test:${recorder.port} HTTP/1.0\r\n\r\n`);
  expect(await raw.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  raw.socket.destroy();
});

test('what is refused without a question is on record with the host that was named', async () => {
  await start();
  client.unasked.length = 0;
  await rawClient(proxy.port, 'CONNECT site.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n').all();
  await rawClient(proxy.port, 'CONNECT site.test HTTP/1.1\r\nHost: site.test\r\n\r\n').all();
  expect(client.unasked.map(({ target }) => target)).toEqual([
    {
      server: 'site.test:443',
      operation: 'CONNECT',
      reached: { host: 'site.test', method: 'CONNECT', port: 443 },
    },
    { operation: 'CONNECT' },
  ]);
});

test.each([
  ['no port', 'CONNECT site.test HTTP/1.1\r\nHost: site.test\r\n\r\n'],
  ['port 0', 'CONNECT site.test:0 HTTP/1.1\r\nHost: site.test:0\r\n\r\n'],
  ['another Host', 'CONNECT site.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n'],
  ['another port in Host', 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:444\r\n\r\n'],
  ['a URL', 'CONNECT http://site.test:443/ HTTP/1.1\r\nHost: site.test:443\r\n\r\n'],
  ['credentials', 'CONNECT a@site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n'],
  ['a body', 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\nContent-Length: 3\r\n\r\nabc'],
])('CONNECT with %s is refused without a question', async (_name, text) => {
  await start();
  expect(await rawClient(proxy.port, text).all()).toMatch(/^HTTP\/1\.1 4\d\d /);
  expect(client.asked).toEqual([]);
  expect(proxy.lookedUp).toEqual([]);
});
