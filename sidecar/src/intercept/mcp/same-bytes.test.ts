/** What a server gets is what was decided, whatever an agent sends: read by another parser than ours, byte damage included. */

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

// Hundreds of calls over real sockets.
jest.setTimeout(60_000);

const client = fakePolicyClient();
let upstream: RecordingUpstream;
let harness: Harness;

beforeAll(async () => {
  upstream = await recordingUpstream();
  harness = await startHarness({ client, upstreamUrl: upstream.url });
});
afterAll(async () => {
  await harness.close();
  await upstream.close();
});

interface Rpc {
  readonly method: string;
  readonly params: { readonly name: string; readonly arguments: unknown };
}

/** What of it was decided, in the words of the message; nothing when nobody was asked. */
function decided(): Rpc | undefined {
  const tool = client.asked.at(-1)?.tool;
  if (tool === undefined) return undefined;
  return { method: tool.operation ?? '', params: { name: tool.name ?? '', arguments: tool.arguments ?? {} } };
}

/** Sends it; what was decided and what arrived, both as JSON.parse has them. */
async function passed(body: string | Buffer): Promise<readonly [Rpc | undefined, Rpc | undefined]> {
  client.asked.length = 0;
  client.unasked.length = 0;
  upstream.requests.length = 0;
  await harness.post(body);
  // One attempt at most, and what is refused by itself is on record.
  expect(client.asked.length + client.unasked.length).toBe(1);
  const [received] = upstream.requests;
  return [decided(), received === undefined ? undefined : (JSON.parse(received.body) as Rpc)];
}

const text = (args: unknown, more: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: args, ...more } });

test('arguments of any shape arrive as they were decided', async () => {
  let forwarded = 0;
  const args = fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 5 }), { maxKeys: 6 });
  await fc.assert(
    fc.asyncProperty(args, async (value) => {
      const sent = text(value);
      const [asked, received] = await passed(sent);
      if (received === undefined) return;
      forwarded += 1;
      expect(received).toEqual(JSON.parse(sent));
      expect(JSON.parse(JSON.stringify(asked))).toEqual({ method: received.method, params: received.params });
    }),
    { numRuns: 150 },
  );
  expect(forwarded).toBeGreaterThan(75);
});

test('a message that is damaged anywhere is refused, or arrives as it was decided', async () => {
  let forwarded = 0;
  let refused = 0;
  const put = fc.constantFrom(
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
    'true',
  );
  const damage = fc.array(fc.record({ at: fc.nat(150), cut: fc.nat(2), put }), { minLength: 1, maxLength: 3 });
  const original = text({ path: '/a', list: [1, 2.5, { deep: null }] });
  await fc.assert(
    fc.asyncProperty(damage, async (damages) => {
      let sent = original;
      for (const { at, cut, put: inserted } of damages) sent = `${sent.slice(0, at)}${inserted}${sent.slice(at + cut)}`;
      const [asked, received] = await passed(Buffer.from(sent, 'latin1'));
      if (received === undefined) {
        refused += 1;
        return;
      }
      forwarded += 1;
      expect({ ...asked }).toMatchObject({ method: received.method });
      if (received.method === 'tools/call')
        expect(asked?.params).toEqual({ name: received.params.name, arguments: received.params.arguments ?? {} });
    }),
    { numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(100);
  expect(forwarded).toBeGreaterThan(5);
});
