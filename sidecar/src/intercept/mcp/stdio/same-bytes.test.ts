/** What a server process reads is what was decided, whatever an agent writes: its own parser's view, byte damage included. */

import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import fc from 'fast-check';
import { allow, deny } from '../../../testing/fake-policy-client.js';
import { call, createStdioHarness, type Wrapped } from '../../../testing/stdio-harness.js';

// Hundreds of messages through a real process.
jest.setTimeout(60_000);

/** Answers every request, and a call of `report` with all lines that came before it, as the bytes that they were. */
const RECORDER = `
let rest = Buffer.alloc(0);
let lines = [];
const say = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
const take = (line) => {
  const message = JSON.parse(line.toString('utf8'));
  const isReport = message.params?.name === 'report';
  if (!isReport) lines.push(line.toString('base64'));
  if (message.id !== undefined && message.method !== undefined) say(message.id, isReport ? { lines } : {});
  if (isReport) lines = [];
};
process.stdin.on('data', (chunk) => {
  rest = Buffer.concat([rest, chunk]);
  for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
    take(rest.subarray(0, end));
    rest = rest.subarray(end + 1);
  }
});
`;

const { wrap, close } = createStdioHarness();
let wrapped: Wrapped;
let reports = 0;

beforeEach(async () => {
  wrapped = await wrap({ server: RECORDER });
  // Some are refused, by what they say.
  wrapped.client.behaviour = (request) => (isOdd(request) ? deny() : allow())(request);
});
afterEach(close);

const isOdd = ({ tool }: CanonicalRequest): boolean =>
  tool?.name !== 'report' && JSON.stringify(tool?.arguments ?? {}).length % 4 === 1;

interface Rpc {
  readonly method: string;
  readonly params?: { readonly name: string; readonly arguments?: unknown };
}

interface Passed {
  /** What was allowed, in its order. */
  readonly allowed: readonly CanonicalRequest[];
  /** The lines that reached the process, without their ends. */
  readonly received: readonly Buffer[];
}

/** Says it as one or more lines, and waits until all of it has been dealt with. */
async function passed(said: string | Buffer): Promise<Passed> {
  const { client } = wrapped;
  client.asked.length = 0;
  client.unasked.length = 0;
  reports += 1;
  const id = `report-${reports}`;
  wrapped.say(Buffer.from(said));
  wrapped.say(call(id, {}, 'report'));
  for (;;) {
    const heard = await wrapped.next();
    if (heard['id'] !== id) continue;
    const { lines } = heard['result'] as { readonly lines: readonly string[] };
    const asked = client.asked.filter(({ tool }) => tool?.name !== 'report');
    return {
      allowed: asked.filter((request) => !isOdd(request)),
      received: lines.map((line) => Buffer.from(line, 'base64')),
    };
  }
}

/** Every line that arrived says, byte for byte, what was allowed; in the same order, and nothing else has arrived. */
function expectSame({ allowed, received }: Passed): void {
  expect(received).toHaveLength(allowed.length);
  for (const [at, line] of received.entries()) {
    const text = line.toString('utf8');
    const message = JSON.parse(text) as Rpc;
    // Written anew: no member twice, no byte that is no UTF-8, no space or escape that another parser could read otherwise.
    expect(Buffer.from(JSON.stringify(message))).toEqual(line);
    const tool = allowed[at]?.tool;
    expect(message.method).toBe(tool?.operation);
    if (message.method !== 'tools/call') continue;
    expect(message.params?.name).toBe(tool?.name);
    expect(JSON.stringify(message.params?.arguments ?? {})).toBe(JSON.stringify(tool?.arguments ?? {}));
  }
}

test('arguments of any shape arrive as they were decided, and those that were refused do not', async () => {
  let forwarded = 0;
  let denied = 0;
  const args = fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 5 }), { maxKeys: 6 });
  await fc.assert(
    fc.asyncProperty(args, async (value) => {
      const sent = call(1, value);
      const outcome = await passed(JSON.stringify(sent));
      expectSame(outcome);
      const [line] = outcome.received;
      if (line === undefined) denied += 1;
      else {
        forwarded += 1;
        expect(JSON.parse(line.toString('utf8'))).toEqual(JSON.parse(JSON.stringify(sent)));
      }
    }),
    { numRuns: 150 },
  );
  expect(forwarded).toBeGreaterThan(50);
  expect(denied).toBeGreaterThan(5);
});

test('a message that is damaged anywhere is refused, or arrives as it was decided', async () => {
  let forwarded = 0;
  let refused = 0;
  const pieces = [
    '',
    ' ',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\\',
    '\\u0061',
    '\0',
    '1',
    'e9',
    '-',
    '\xff',
    '//',
    '\r',
  ];
  const ends = ['\n', '\n\n', '\r\n'];
  const damage = fc.record({ at: fc.nat(150), cut: fc.nat(2), put: fc.constantFrom(...pieces, ...ends) });
  const original = JSON.stringify(call(1, { path: '/a', list: [1, 2.5, { deep: null }] }));
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      let sent = original;
      for (const { at, cut, put } of damages) sent = `${sent.slice(0, at)}${put}${sent.slice(at + cut)}`;
      const outcome = await passed(Buffer.from(sent, 'latin1'));
      expectSame(outcome);
      if (outcome.received.length > 0) forwarded += 1;
      else refused += 1;
    }),
    { numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(100);
  expect(forwarded).toBeGreaterThan(5);
});

test('bytes of any kind reach nobody, and what comes after them does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const outcome = await passed(Buffer.from(bytes));
      expect(outcome).toEqual({ allowed: [], received: [] });
    }),
    { numRuns: 100 },
  );
});
