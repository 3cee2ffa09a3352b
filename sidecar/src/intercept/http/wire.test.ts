/** What a server may answer, byte for byte, and what comes of it. Nothing is sent twice, whatever happens. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { collect } from './body.js';
import type { UpstreamReply } from './upstream-reply.js';
import { openWire, type Wire } from './wire.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const HEADERS_MS = 1_000;
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const MEBIBYTE = 1_048_576;

interface RawServer {
  readonly wire: Wire;
  /** Every byte that came, by connection. */
  readonly heard: string[];
  readonly sockets: Socket[];
}

/** A server that is told of each arrival of bytes. */
async function server(
  heard: (socket: Socket, request: number) => void,
  { connections = 8, secure = false } = {},
): Promise<RawServer> {
  const raw: { heard: string[]; sockets: Socket[] } = { heard: [], sockets: [] };
  let requests = 0;
  const listening = createServer((socket) => {
    const at = raw.sockets.push(socket) - 1;
    raw.heard[at] = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const isHead = secure || /^(POST|GET|DELETE) /.test(bytes.toString('latin1'));
      raw.heard[at] += bytes.toString('latin1');
      if (isHead) heard(socket, ++requests);
    });
  });
  await once(listening.listen(0, '127.0.0.1'), 'listening');
  const { port } = listening.address() as AddressInfo;
  const url = new URL(secure ? `https://localhost:${port}/mcp` : `http://127.0.0.1:${port}/mcp?a=b`);
  const wire = openWire({ url, connectTimeoutMs: 5_000, headersTimeoutMs: HEADERS_MS, connections });
  closing.push(
    () => wire.close(),
    () => {
      for (const socket of raw.sockets) socket.destroy();
      listening.close();
    },
  );
  return { wire, ...raw };
}

const NEVER = new AbortController().signal;
const FIELDS = ['host', 'elsewhere.test', 'X-Own', 'ü'];

function post(wire: Wire, payload = '{}', signal: AbortSignal = NEVER): Promise<UpstreamReply> {
  return wire.send({ method: 'POST', fields: [...FIELDS], payload, signal });
}

async function text({ body }: UpstreamReply): Promise<string> {
  const collected = await collect(body, { maxBytes: 2 * MEBIBYTE, timeoutMs: 5_000 });
  return collected.kind === 'all' ? collected.bytes.toString() : collected.kind;
}

/** Without an ear for errors, which `once` would have. */
const closed = (body: Readable): Promise<void> => new Promise((resolve) => void body.on('close', resolve));

const requests = ({ heard }: RawServer): number =>
  heard.reduce((sum, bytes) => sum + (bytes.match(/(POST|GET|DELETE) \/mcp/g)?.length ?? 0), 0);

describe('what is sent', () => {
  test.each([
    ['small', '{"text":"grüß 🙂"}'],
    ['larger than what is held', `"${'ü'.repeat(200_000)}"`],
  ])('a payload that is %s arrives exactly, with its length, once', async (_what, payload) => {
    const length = Buffer.byteLength(payload);
    const raw = await server(() => undefined);
    const reply = post(raw.wire, payload);
    while ((raw.heard[0]?.split('\r\n\r\n')[1]?.length ?? -1) < length) await setImmediate();
    raw.sockets[0]?.write(OK);
    expect(await text(await reply)).toBe('ok');
    const [head = '', body] = (raw.heard[0] ?? '').split('\r\n\r\n');
    expect(Buffer.from(body ?? '', 'latin1').toString() === payload).toBe(true);
    expect(head.split('\r\n').toSorted()).toEqual(
      [
        'POST /mcp?a=b HTTP/1.1',
        'X-Own: ü',
        'connection: keep-alive',
        `content-length: ${length}`,
        'host: elsewhere.test',
      ].toSorted(),
    );
  });

  test('the name that TLS asks for is the one of the address, whatever the Host field says', async () => {
    const raw = await server((socket) => socket.destroy(), { secure: true });
    await expect(post(raw.wire)).rejects.toThrow();
    expect(raw.heard.join('')).toContain('localhost');
    expect(raw.heard.join('')).not.toContain('elsewhere');
  });

  test('what cannot be sent costs nobody a connection', async () => {
    const raw = await server((socket) => socket.write(OK), { connections: 1 });
    for (const fields of [
      ['keep-alive', '5'],
      ['x-own', 'a\nb'],
    ]) {
      await expect(raw.wire.send({ method: 'POST', fields, payload: '{}', signal: NEVER })).rejects.toThrow();
    }
    expect(await text(await post(raw.wire))).toBe('ok');
    expect(requests(raw)).toBe(1);
  });
});

describe('what is answered', () => {
  test.each([
    ['a redirect', 'HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 2\r\n\r\nok', 302],
    ['early hints before', `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}`, 200],
    ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-trailer: y\r\n\r\n', 200],
    ['a body that ends with the connection', 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok', 200],
    ['a whole answer and another one', `${OK}${OK.replace('ok', 'no')}`, 200],
  ])('%s comes as it is, and the next request has its own answer', async (_what, answer, status) => {
    const raw = await server((socket, request) => {
      if (request > 1) return void socket.write(OK.replace('\r\nok', '\r\nme'));
      socket.write(answer);
      if (answer.includes('connection: close')) socket.end();
    });
    const reply = await post(raw.wire);
    expect(reply.status).toBe(status);
    expect(await text(reply)).toBe('ok');
    expect(await text(await post(raw.wire))).toBe('me');
    expect(requests(raw)).toBe(2);
  });

  test('fields of one name are one list, and their bytes are kept', async () => {
    const raw = await server((socket) =>
      socket.write(Buffer.from(OK.replace('\r\n', '\r\nX-A: 1\r\nx-a: \xfc\r\n'), 'latin1')),
    );
    expect((await post(raw.wire)).headers.get('x-a')).toBe('1, ü');
  });

  test.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nx-a: 1\r\n 2\r\ncontent-length: 2\r\n\r\nok'],
    ['a bare line feed', 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok'],
    ['leave to go on, which nobody asked for', `HTTP/1.1 100 Continue\r\n\r\n${OK}`],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
    ['a head that is too large', `HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['many small fields', `HTTP/1.1 200 OK\r\n${'x-a: 1\r\n'.repeat(5_000)}\r\n`],
    ['no HTTP', 'hello\r\n\r\n'],
    ['an answer that breaks off in its head', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['nothing, and the connection ends', ''],
  ])('%s is no answer, and nothing is sent again', async (_what, answer) => {
    const raw = await server((socket) => socket.end(answer, 'latin1'));
    await expect(post(raw.wire)).rejects.toThrow();
    await expect(
      raw.wire.send({ method: 'GET', fields: [...FIELDS], payload: undefined, signal: NEVER }),
    ).rejects.toThrow();
    expect(requests(raw)).toBe(2);
  });

  test.each([
    ['a length that is not reached', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok'],
    ['a chunk that is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n'],
    ['chunks without an end', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n'],
  ])('%s breaks the body, and without a listener nothing else', async (_what, answer) => {
    const raw = await server((socket) => socket.end(answer));
    expect(await text(await post(raw.wire))).toBe('broken');
    const { body } = await post(raw.wire);
    await closed(body);
    expect(requests(raw)).toBe(2);
  });

  test('informational answers do not put off the end of the wait for a head', async () => {
    const raw = await server((socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 50);
      socket.on('close', () => clearInterval(timer));
    });
    await expect(post(raw.wire)).rejects.toThrow(`no answer within ${HEADERS_MS} ms`);
  });

  test('what comes on an idle connection ends it, and is not the answer to what is sent next', async () => {
    const raw = await server((socket) => socket.write(OK));
    expect(await text(await post(raw.wire))).toBe('ok');
    const [idle] = raw.sockets;
    const over = idle === undefined ? undefined : once(idle, 'close');
    idle?.write(OK.replace('\r\nok', '\r\nno'));
    await over;
    expect(await text(await post(raw.wire))).toBe('ok');
    expect(raw.sockets).toHaveLength(2);
  });
});

describe('what is read whole', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\n';
  const LIMITS = { maxBytes: 2 * MEBIBYTE, timeoutMs: 5_000 };
  const whole = async (reply: UpstreamReply, limits = LIMITS): Promise<string> => {
    const collected = await reply.collect(limits);
    return collected.kind === 'all' ? collected.bytes.toString() : collected.kind;
  };

  test.each([
    ['with its head', [OK], 'ok'],
    ['in pieces', [`${HEAD}content-length: 2\r\n\r\n`, 'o', 'k'], 'ok'],
    ['without a byte', [`${HEAD}content-length: 0\r\n\r\n`], ''],
    ['with the end of the connection', [`${HEAD}connection: close\r\n\r\n`, 'ok', ''], 'ok'],
    ['never to its end', [`${HEAD}content-length: 9\r\n\r\n`, 'ok', ''], 'broken'],
  ])('an answer that comes %s is what a stream would have brought', async (_what, pieces, expected) => {
    const answer = async (socket: Socket): Promise<void> => {
      for (const piece of pieces) {
        if (piece === '') socket.end();
        else socket.write(piece);
        await setImmediate();
      }
    };
    const raw = await server((socket) => void answer(socket));
    expect(await whole(await post(raw.wire))).toBe(expected);
    expect(await text(await post(raw.wire))).toBe(expected);
  });

  test('what broke off before it is read is broken', async () => {
    const raw = await server((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok'));
    const reply = await post(raw.wire);
    await closed(reply.body);
    expect(await whole(reply)).toBe('broken');
  });

  test('more than may be held comes to its end all the same, once it is wanted', async () => {
    const raw = await server((socket) => {
      socket.write(`${HEAD}content-length: ${MEBIBYTE}\r\n\r\n`);
      socket.write('a'.repeat(MEBIBYTE));
    });
    const reply = await post(raw.wire);
    while ((raw.sockets[0]?.bytesWritten ?? 0) < MEBIBYTE) await setImmediate();
    expect(await whole(reply)).toHaveLength(MEBIBYTE);
    expect(await whole(reply)).toBe('broken');
    expect(await whole(await post(raw.wire))).toHaveLength(MEBIBYTE);
  });

  test.each([
    ['too_large', { ...LIMITS, maxBytes: 4 }],
    ['late', { ...LIMITS, timeoutMs: 20 }],
  ])('what is %s is given up, and to destroy it ends the connection', async (kind, limits) => {
    const raw = await server((socket) => socket.write(`${HEAD}content-length: 9\r\n\r\n${kind.slice(0, 8)}`));
    const reply = await post(raw.wire);
    const over = raw.sockets[0] === undefined ? undefined : once(raw.sockets[0], 'close');
    expect(await whole(reply, limits)).toBe(kind);
    reply.body.destroy();
    await over;
  });

  test('who asks for nothing, is not sent everything', async () => {
    const raw = await server((socket) => {
      socket.write(`${HEAD}content-length: ${32 * MEBIBYTE}\r\n\r\n`);
      socket.write(Buffer.alloc(32 * MEBIBYTE));
    });
    const reply = await post(raw.wire);
    const [socket] = raw.sockets;
    for (let before = -1; before !== socket?.bytesWritten; ) {
      before = socket?.bytesWritten ?? 0;
      for (let turn = 0; turn < 2_000; turn += 1) await setImmediate();
    }
    expect(socket?.writableLength).toBeGreaterThan(MEBIBYTE);
    reply.body.destroy();
  });

  test('who leaves meanwhile, has a broken answer and no connection', async () => {
    const leaving = new AbortController();
    const raw = await server((socket) => socket.write(`${HEAD}content-length: 9\r\n\r\nok`));
    const reply = await post(raw.wire, '{}', leaving.signal);
    const reading = whole(reply);
    leaving.abort();
    expect(await reading).toBe('broken');
    const [socket] = raw.sockets;
    if (socket?.destroyed === false) await once(socket, 'close');
  });
});

describe('who leaves', () => {
  test.each([
    ['before there is an answer', ''],
    ['in the middle of one', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok'],
  ])('ends the connection %s', async (_what, answer) => {
    const leaving = new AbortController();
    const raw = await server((socket) => {
      socket.write(answer);
      if (answer === '') leaving.abort();
    });
    const reply = post(raw.wire, '{}', leaving.signal);
    if (answer === '') await expect(reply).rejects.toThrow('the exchange was given up');
    else {
      const { body } = await reply;
      await once(body, 'readable');
      leaving.abort();
      await closed(body);
    }
    const [socket] = raw.sockets;
    if (socket?.destroyed === false) await once(socket, 'close');
    expect(requests(raw)).toBe(1);
  });

  test('has sent nothing while all connections are taken, and takes nobody elses connection', async () => {
    const leaving = new AbortController();
    const raw = await server(() => undefined, { connections: 1 });
    const first = post(raw.wire);
    while (requests(raw) === 0) await setImmediate();
    const second = post(raw.wire, '"left"', leaving.signal);
    const third = post(raw.wire, '"third"');
    leaving.abort();
    await expect(second).rejects.toThrow('the exchange was given up');
    raw.sockets[0]?.write(OK);
    expect(await text(await first)).toBe('ok');
    while (requests(raw) === 1) await setImmediate();
    raw.sockets[0]?.write(OK);
    expect(await text(await third)).toBe('ok');
    expect(raw.heard.join('')).not.toContain('left');
    expect(raw.sockets).toHaveLength(1);
  });

  test('who does not read, is not sent everything', async () => {
    let written = 0;
    const raw = await server((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const chunk = `${(65_536).toString(16)}\r\n${'a'.repeat(65_536)}\r\n`;
      while (written < 64 * MEBIBYTE) {
        socket.write(chunk);
        written += 65_536;
      }
    });
    const { body } = await post(raw.wire);
    const [socket] = raw.sockets;
    // Until what the kernel takes is full, too.
    for (let before = -1; before !== socket?.bytesWritten; ) {
      before = socket?.bytesWritten ?? 0;
      for (let turn = 0; turn < 2_000; turn += 1) await setImmediate();
    }
    expect(socket?.writableLength).toBeGreaterThan(MEBIBYTE);
    expect(body.readableLength).toBeLessThan(MEBIBYTE);
    body.destroy();
  });
});
