/** What another agent gets is what was decided, whatever an agent sends: read by another parser than ours, byte damage included. */

import { afterEach, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { type A2aProxy, CALL, createA2aHarness, MESSAGE } from '../../testing/a2a-harness.js';

// Hundreds of calls over real sockets.
jest.setTimeout(60_000);

const { started, close } = createA2aHarness();
afterEach(close);

interface Rpc {
  readonly method: string;
  readonly params?: unknown;
}

/** Sends it; what was decided and what arrived, both as JSON.parse has them. */
async function passed(proxy: A2aProxy, body: string | Buffer): Promise<readonly [Rpc | undefined, Rpc | undefined]> {
  const { policy, upstream, send, posts } = proxy;
  policy.asked.length = 0;
  policy.unasked.length = 0;
  upstream.requests.length = 0;
  await send(body);
  // One attempt at most, and what is refused by itself is on record.
  expect(policy.asked.length + policy.unasked.length).toBe(1);
  const [received] = posts();
  const tool = policy.asked.at(-1)?.tool;
  return [
    tool === undefined ? undefined : { method: tool.operation ?? '', params: tool.arguments ?? {} },
    received === undefined ? undefined : (JSON.parse(received.body) as Rpc),
  ];
}

test('messages of any shape arrive as they were decided', async () => {
  const proxy = await started();
  let forwarded = 0;
  const more = fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 5 }), { maxKeys: 6 });
  await fc.assert(
    fc.asyncProperty(more, more, async (metadata, data) => {
      const message = { ...MESSAGE, parts: [...MESSAGE.parts, { kind: 'data', data }], metadata };
      const sent = JSON.stringify({ ...CALL, params: { message } });
      const [asked, received] = await passed(proxy, sent);
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
  const proxy = await started();
  let forwarded = 0;
  let refused = 0;
  const pieces = ['', ' ', '"', '{', '}', '[', ']', ',', ':', '\\', '\\u0061', '\0', '1', 'e9', '-', '\xff', '//'];
  const damage = fc.record({ at: fc.nat(150), cut: fc.nat(2), put: fc.constantFrom(...pieces) });
  const original = JSON.stringify({ ...CALL, params: { message: { ...MESSAGE, metadata: { list: [1, 2.5, null] } } } });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      let sent = original;
      for (const { at, cut, put } of damages) sent = `${sent.slice(0, at)}${put}${sent.slice(at + cut)}`;
      const [asked, received] = await passed(proxy, Buffer.from(sent, 'latin1'));
      if (received === undefined) {
        refused += 1;
        return;
      }
      forwarded += 1;
      expect(JSON.parse(JSON.stringify(asked))).toEqual({ method: received.method, params: received.params ?? {} });
    }),
    { numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(100);
  expect(forwarded).toBeGreaterThan(5);
});
