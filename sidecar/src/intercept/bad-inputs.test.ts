/**
 * Bad inputs against every surface (RFC 9110, RFC 9112, RFC 8259, JSON-RPC 2.0): each is an error in the surface's own shape,
 * nothing reaches what is upstream, one attempt is on record, and the next request is served.
 */

import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type BadInputSurface,
  MAX_BODY,
  PATIENCE_MS,
  START,
  SURFACE_NAMES,
  type SurfaceName,
} from '../testing/bad-input-surfaces.js';
import { rawClient } from '../testing/egress-harness.js';
import { type FakePolicyClient, fakePolicyClient } from '../testing/fake-policy-client.js';
import { watchLoop } from '../testing/loop-holds.js';

/** What is said, made for a surface; and on which it says nothing, with the reason. */
interface Row {
  readonly input: string;
  readonly bytes: (surface: BadInputSurface, name: SurfaceName) => string | Buffer;
  /** Where it does not apply, and why not. */
  readonly not?: Partial<Record<SurfaceName, string>>;
  /** Where it is a question like any other, so that a decision is its record; and why. */
  readonly decided?: Partial<Record<SurfaceName, string>>;
  /** Whether it is not HTTP, so that the answer is a bare status. */
  readonly bare?: true;
}

const NO_HTTP = { stdio: 'it speaks no HTTP' };
const OPAQUE = { egress: 'bodies are not looked into', connect: 'what a tunnel carries is not looked into' };
const NO_RPC = { ...OPAQUE, llm: 'it speaks no JSON-RPC', authorize: 'it speaks no JSON-RPC' };
const NO_BODY = { connect: 'CONNECT has no body' };

function head(surface: BadInputSurface, ...fields: readonly string[]): string {
  const type = surface.good.startsWith('{')
    ? ['Content-Type: application/json', 'Accept: application/json, text/event-stream']
    : [];
  return [`${surface.line} HTTP/1.1`, `Host: ${surface.host}`, 'Connection: close', ...type, ...fields].join('\r\n');
}

function post(surface: BadInputSurface, name: SurfaceName, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body as string);
  if (name === 'stdio') return bytes;
  return Buffer.concat([Buffer.from(`${head(surface, `Content-Length: ${bytes.length}`)}\r\n\r\n`), bytes]);
}

/** A field beside the others, and the good body. */
const field =
  (...fields: readonly string[]): Row['bytes'] =>
  (surface, name) =>
    name === 'connect'
      ? `${head(surface, ...fields)}\r\n\r\n`
      : `${head(surface, `Content-Length: ${Buffer.byteLength(surface.good)}`, ...fields)}\r\n\r\n${surface.good}`;
/** Fields that frame the body, and what follows. */
const framed =
  (fields: readonly string[], rest = ''): Row['bytes'] =>
  (surface) =>
    `${head(surface, ...fields)}\r\n\r\n${rest}`;
/** The good body, changed. */
const body =
  (change: (good: string) => string | Buffer): Row['bytes'] =>
  (surface, name) =>
    post(surface, name, change(surface.good));
/** The good body with something in place of its first `{`. */
const opened = (text: string): Row['bytes'] => body((good) => good.replace('{', text));
const rpc = (change: (call: Record<string, unknown>) => unknown): Row['bytes'] =>
  body((good) => JSON.stringify(change(JSON.parse(good) as Record<string, unknown>)));

const FRAMING: readonly Row[] = [
  {
    input: 'Content-Length and Transfer-Encoding',
    bytes: framed(['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    bare: true,
  },
  { input: 'two different lengths', bytes: framed(['Content-Length: 1', 'Content-Length: 2'], 'xx'), bare: true },
  { input: 'the same length twice', bytes: framed(['Content-Length: 1', 'Content-Length: 1'], 'x'), bare: true },
  { input: 'a signed length', bytes: framed(['Content-Length: +2'], 'xx'), bare: true },
  { input: 'a hexadecimal length', bytes: framed(['Content-Length: 0x2'], 'xx'), bare: true },
  { input: 'a space before a colon', bytes: framed(['Content-Length : 1'], 'x'), bare: true },
  { input: 'a folded field', bytes: framed(['X-Folded: a', ' b']), bare: true },
  { input: 'a zero byte in a field', bytes: framed(['X-Zero: a\0b']), bare: true },
  { input: 'a bare line feed', bytes: (surface) => `${surface.line} HTTP/1.1\nHost: ${surface.host}\n\n`, bare: true },
  { input: 'no Host', bytes: (surface) => `${surface.line} HTTP/1.1\r\nConnection: close\r\n\r\n` },
  { input: 'a head that is too large', bytes: framed([`X-Large: ${'y'.repeat(70_000)}`]), bare: true },
  { input: 'rubbish', bytes: () => '\x16\x03\x01 rubbish\r\n\r\n', bare: true },
  { input: 'half a head, and then nothing', bytes: (surface) => `${surface.line} HTTP/1.1\r\nHos`, bare: true },
  {
    input: 'two Host fields',
    bytes: (surface) => field(`Host: ${surface.host}`)(surface, surface.line.startsWith('CONNECT') ? 'connect' : 'mcp'),
  },
  {
    input: 'another Host',
    bytes: (surface) => `${surface.line} HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n`,
  },
  { input: 'two Authorization fields', bytes: field('Authorization: a', 'Authorization: b') },
  { input: 'two Content-Type fields', bytes: field('Content-Type: application/json', 'Content-Type: text/plain') },
  { input: 'a field named __proto__', bytes: field('__proto__: x') },
  { input: 'an expectation', bytes: field('Expect: a-miracle') },
  { input: 'an unknown coding', bytes: framed(['Transfer-Encoding: xchunked'], '0\r\n\r\n'), bare: true },
  {
    input: 'chunked that is not last',
    bytes: framed(['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'),
    bare: true,
  },
  { input: 'ten thousand fields', bytes: framed(Array.from({ length: 10_000 }, () => 'X-Many: y')), bare: true },
  { input: 'two hundred fields', bytes: field(...Array.from({ length: 200 }, () => 'X: y')) },
  {
    input: 'a path that climbs',
    bytes: (surface, name) => field()({ ...surface, line: `${surface.line}/..%2f..%2fadmin` }, name),
    not: { connect: 'it has no path' },
  },
  {
    input: 'a path with an empty segment',
    bytes: (surface, name) => field()({ ...surface, line: surface.line.replace(/(?<![:/])\//, '//') }, name),
    not: { connect: 'it has no path' },
  },
  {
    input: 'the absolute form',
    bytes: (surface, name) => field()({ ...surface, line: surface.line.replace(' /', ' http://evil.test/') }, name),
    not: { egress: 'it is how proxies are asked', connect: 'it has no path' },
  },
  {
    input: 'CONNECT',
    bytes: () => 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n',
    bare: true,
    not: { egress: 'it is served', connect: 'it is served' },
  },
  {
    input: 'an upgrade',
    bytes: field('Connection: Upgrade', 'Upgrade: h2c'),
    not: { egress: 'it is taken off: HTTP lets a proxy ignore it', connect: 'it is ignored' },
  },
  {
    input: 'a trailer',
    bytes: (surface) =>
      `${head(surface, 'Transfer-Encoding: chunked', 'Trailer: X-Late')}\r\n\r\n${surface.good.length.toString(16)}\r\n${surface.good}\r\n0\r\nX-Late: y\r\n\r\n`,
    not: { egress: 'it is taken off', connect: 'CONNECT has no body' },
  },
  {
    input: 'a compressed body',
    bytes: (surface) => {
      const bytes = gzipSync(surface.good);
      const fields = head(surface, 'Content-Encoding: gzip', `Content-Length: ${bytes.length}`);
      return Buffer.concat([Buffer.from(`${fields}\r\n\r\n`), bytes]);
    },
    not: { egress: 'bodies are not looked into', connect: 'CONNECT has no body' },
  },
  {
    input: 'half a body, and then nothing',
    bytes: framed(['Content-Length: 10'], '{'),
    not: {
      egress: 'its head is decided, and then it is on no clock but that of silence',
      connect: 'CONNECT has no body',
    },
  },
];

const JSON_BODY: readonly Row[] = [
  { input: 'nothing', bytes: body(() => ''), not: { stdio: 'an empty line is no message' } },
  { input: 'a name twice', bytes: opened('{"x":1,"x":2,') },
  { input: 'a name twice, once escaped', bytes: opened('{"x":1,"\\u0078":2,') },
  { input: 'a name twice, deep', bytes: opened('{"x":[{"y":{"z":1,"z":2}}],') },
  { input: '__proto__', bytes: opened('{"__proto__":{"admin":true},') },
  { input: 'an integer beyond 2^53', bytes: opened('{"x":9007199254740993,') },
  { input: 'a number beyond all', bytes: opened('{"x":1e400,') },
  { input: 'NaN', bytes: opened('{"x":NaN,') },
  { input: 'trailing bytes', bytes: body((good) => `${good}x`) },
  { input: 'two values', bytes: body((good) => `${good} ${good}`) },
  { input: 'an array', bytes: body((good) => `[${good}]`) },
  {
    input: 'a byte order mark',
    bytes: body((good) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(good)])),
  },
  {
    input: 'UTF-16',
    bytes: body((good) => Buffer.from(good, 'utf16le')),
    not: { stdio: 'its lines end at the byte 10, and so would be several' },
  },
  {
    input: 'bytes that are not UTF-8',
    bytes: body((good) =>
      Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff, 0xc0]), Buffer.from(`",${good.slice(1)}`)]),
    ),
  },
  { input: 'half a surrogate pair', bytes: opened('{"x":"\\ud800",') },
  { input: 'depth 65', bytes: opened(`{"x":${'['.repeat(65)}${']'.repeat(65)},`) },
  { input: 'depth 30000', bytes: opened(`{"x":${'['.repeat(30_000)}${']'.repeat(30_000)},`) },
];

const RPC: readonly Row[] = [
  { input: 'the id null', bytes: rpc((call) => ({ ...call, id: null })) },
  { input: 'the id a fraction', bytes: rpc((call) => ({ ...call, id: 1.5 })) },
  { input: 'the id an object', bytes: rpc((call) => ({ ...call, id: {} })) },
  { input: 'the id huge', bytes: rpc((call) => ({ ...call, id: 'x'.repeat(10_000) })) },
  { input: 'a member in another case', bytes: opened('{"Method":"tools/list",') },
  { input: 'no version', bytes: rpc(({ jsonrpc: _without, ...call }) => call) },
  { input: 'another version', bytes: rpc((call) => ({ ...call, jsonrpc: '1.0' })) },
  { input: 'an unknown method', bytes: rpc((call) => ({ ...call, method: 'tools/steal' })) },
  {
    input: 'the method in another case',
    bytes: rpc((call) => ({ ...call, method: String(call['method']).toUpperCase() })),
  },
  { input: 'the method with a space', bytes: rpc((call) => ({ ...call, method: `${String(call['method'])} ` })) },
  { input: 'parameters that are none', bytes: rpc((call) => ({ ...call, params: 'x' })) },
];

const SIZE: readonly Row[] = [
  { input: 'a body beyond the cap, announced', bytes: body(() => 'x'.repeat(MAX_BODY + 1)) },
  { input: 'a text of 10 MB', bytes: body(() => `{"x":"${'x'.repeat(10_000_000)}"}`) },
  {
    input: 'a body of chunks without an end',
    bytes: framed(['Transfer-Encoding: chunked'], `1000\r\n${'x'.repeat(4096)}\r\n`.repeat(64)),
    not: NO_HTTP,
    decided: { egress: 'its head is decided, and then what it may send is used up' },
  },
];

const TABLE: readonly Row[] = [
  ...FRAMING.map((row) => ({ ...row, not: { ...NO_HTTP, ...row.not } })),
  ...JSON_BODY.map((row) => ({ ...row, not: { ...OPAQUE, ...row.not } })),
  ...RPC.map((row) => ({ ...row, not: { ...NO_RPC, ...row.not } })),
  ...SIZE.map((row) => ({ ...row, not: { ...NO_BODY, ...row.not } })),
];

/** For so long a bad input may hold everybody else up, ms of processor time; this process's clients and compilers included. What grows faster than its input takes seconds. */
const MOST_OF_A_TURN_MS = 250;

/** JSON-RPC has errors of its own, which some revisions send with the status 200. */
const IN_BAND: ReadonlySet<SurfaceName> = new Set(['mcp', 'a2a', 'stdio']);

describe.each(SURFACE_NAMES)('%s', (name) => {
  let client: FakePolicyClient;
  let surface: BadInputSurface;
  beforeAll(async () => {
    client = fakePolicyClient();
    surface = await START[name](client);
  });
  afterAll(() => surface.close());
  beforeEach(() => {
    client.asked.length = 0;
    client.unasked.length = 0;
  });

  /** What a request that is in order comes to. */
  async function serves(): Promise<boolean> {
    const before = surface.reached();
    await surface.say(
      name === 'connect' ? `${head(surface)}\r\n\r\n${surface.good}` : post(surface, name, surface.good),
    );
    return surface.reached() > before;
  }

  test('what is in order is served, and is on no other record', async () => {
    expect(await serves()).toBe(true);
    expect(client.unasked).toEqual([]);
  });

  test.each(TABLE.filter(({ not }) => not?.[name] === undefined))('$input', async ({ bytes, bare, decided }) => {
    const before = surface.reached();
    const said = bytes(surface, name);
    const longestTurn = watchLoop();
    const answer = await surface.say(said);
    expect(longestTurn()).toBeLessThan(MOST_OF_A_TURN_MS);
    if (!surface.isOwnError(answer) || !IN_BAND.has(name)) expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    if (bare !== true) expect([answer, surface.isOwnError(answer)]).toEqual([answer, true]);
    if (decided?.[name] === undefined) {
      expect(surface.reached()).toBe(before);
      expect(client.unasked).toHaveLength(1);
      expect(client.asked).toEqual([]);
    } else {
      expect(client.asked).toHaveLength(1);
      // Besides, only what was found out in spite of the decision.
      expect(client.unasked.filter(({ decision_id }) => decision_id === undefined)).toEqual([]);
    }
    expect(await serves()).toBe(true);
  });

  /** Fast enough to be no silence, too slow to be done in time. */
  async function trickled(port: number, first: string, rest: string): Promise<string> {
    const raw = rawClient(port, first);
    let at = 0;
    const timer = setInterval(() => {
      raw.socket.write(rest.charAt(at));
      at += 1;
      if (at === rest.length) clearInterval(timer);
    }, PATIENCE_MS / 20);
    const answer = await raw.all();
    clearInterval(timer);
    return answer;
  }

  const slow = name === 'stdio' ? [] : Object.hasOwn(OPAQUE, name) ? ['a head'] : ['a head', 'a body'];
  if (slow.length > 0)
    test.each(slow)('%s that comes byte by byte is not waited for', async (what) => {
      const before = surface.reached();
      const whole = post(surface, name, surface.good).toString();
      const cut = what === 'a head' ? 1 : whole.indexOf('\r\n\r\n') + 4;
      const answer = await trickled(surface.port ?? 0, whole.slice(0, cut), whole.slice(cut));
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(surface.reached()).toBe(before);
      expect(client.unasked).toHaveLength(1);
      expect(client.asked).toEqual([]);
      expect(await serves()).toBe(true);
    });

  test('a hundred of the largest at once neither fill the memory nor stand in the way', async () => {
    const largest = SIZE.filter(({ not }) => not?.[name] === undefined && name !== 'connect');
    const busy = process.cpuUsage();
    const longestTurn = watchLoop();
    const before = process.memoryUsage().rss;
    for (const { bytes } of largest.slice(0, 1)) {
      const said = bytes(surface, name);
      if (name === 'stdio') for (let n = 0; n < 100; n += 1) await surface.say(said);
      else await Promise.all(Array.from({ length: 100 }, () => surface.say(said)));
    }
    const { user, system } = process.cpuUsage(busy);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20);
    // Each holds the loop up for what it costs: of this whole process, its clients included, and whatever else the machine does.
    expect((user + system) / 1_000 / 100).toBeLessThan(20);
    expect(longestTurn()).toBeLessThan(MOST_OF_A_TURN_MS);
    expect(await serves()).toBe(true);
  });
});

test('a turn that takes too long is seen', async () => {
  const longestTurn = watchLoop();
  await new Promise((resolve) => setImmediate(resolve));
  const begun = process.threadCpuUsage();
  let spent = process.threadCpuUsage(begun);
  while (spent.user + spent.system < 1_200 * MOST_OF_A_TURN_MS) spent = process.threadCpuUsage(begun);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(longestTurn()).toBeGreaterThan(MOST_OF_A_TURN_MS);
});

test('every row is for some surface, and says why where it is for none', () => {
  for (const { input, not = {} } of TABLE) {
    expect([input, Object.keys(not).length < SURFACE_NAMES.length]).toEqual([input, true]);
    expect(Object.values(not).every((reason) => reason.length > 0)).toBe(true);
  }
});
