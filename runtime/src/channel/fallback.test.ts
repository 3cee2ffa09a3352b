import { describe, expect, test } from '@jest/globals';
import { PortcullisError } from '../errors/portcullis-error.js';
import { channelContract } from './channel-contract.js';
import { fallbackReader } from './fallback.js';
import { createInProcessChannel } from './in-process.js';
import type { ChannelReader } from './port.js';

const never = new AbortController().signal;
const options = { maxBytes: 100, signal: never };

function failing(kind: 'unavailable' | 'timeout' | 'corrupt'): ChannelReader & { readonly calls: string[] } {
  const calls: string[] = [];
  const fail = async (what: string): Promise<never> => {
    calls.push(what);
    throw new PortcullisError('ERR_TEST', kind, 'down');
  };
  return {
    transport: 'broken',
    calls,
    get: () => fail('get'),
    send: () => fail('send'),
    async *watch() {},
    close: async () => {},
  };
}

describe.each(['first', 'second'] as const)('with the %s of two sources broken it keeps the contract:', (which) => {
  test.each(channelContract)('$name', async ({ check }) => {
    const channel = createInProcessChannel();
    const pair = which === 'first' ? [failing('unavailable'), channel] : [channel, failing('unavailable')];
    await expect(check({ writer: channel, reader: fallbackReader(pair) })).resolves.toBeUndefined();
  });
});

test('the first source that has the object wins', async () => {
  const empty = createInProcessChannel();
  const full = createInProcessChannel();
  await full.put('metadata/a', Buffer.from('x'), never);
  const reader = fallbackReader([failing('corrupt'), empty, full]);
  expect(Buffer.from((await reader.get('metadata/a', options)) ?? []).toString()).toBe('x');
  expect(await reader.get('metadata/b', options)).toBeUndefined();
});

test.each([
  ['unavailable', 'unavailable'],
  ['timeout', 'timeout'],
  ['corrupt', 'corrupt'],
] as const)('when all are %s the fault says so', async (kind, expected) => {
  const reader = fallbackReader([failing(kind), failing(kind)]);
  await expect(reader.get('metadata/a', options)).rejects.toMatchObject({ kind: expected });
  await expect(reader.send('portcullis.status', Buffer.from('x'), never)).rejects.toMatchObject({ kind: expected });
});

test.each(['corrupt', 'timeout'] as const)('one source that is %s cannot hide what another one says', async (kind) => {
  for (const pair of [
    [createInProcessChannel(), failing(kind)],
    [failing(kind), createInProcessChannel()],
  ]) {
    expect(await fallbackReader(pair).get('metadata/a', options)).toBeUndefined();
  }
});

test('nobody is asked after the signal', async () => {
  const source = failing('unavailable');
  const reader = fallbackReader([source, source]);
  await expect(reader.get('metadata/a', { maxBytes: 1, signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ERR_CHANNEL_ABORTED',
  });
  expect(source.calls).toEqual([]);
});

test('a source whose watch ended is followed again beside one that is still watched', async () => {
  const steady = createInProcessChannel();
  let shaky = createInProcessChannel();
  const reader = fallbackReader([steady, { ...failing('unavailable'), watch: (signal) => shaky.watch(signal) }]);
  const stop = new AbortController();
  const hints = reader.watch(stop.signal)[Symbol.asyncIterator]();
  await hints.next();
  await shaky.close();
  shaky = createInProcessChannel();
  // What comes from the second one can only come once it is followed again: the first one says nothing any more.
  const again = (async () => {
    while (!stop.signal.aborted) {
      await shaky.hint(never);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await hints.next();
  await expect(hints.next()).resolves.toMatchObject({ done: false });
  stop.abort();
  await again;
}, 10_000);

test('no source at all answers nothing and hints nothing', async () => {
  const reader = fallbackReader([]);
  await expect(reader.get('metadata/a', options)).rejects.toMatchObject({ kind: 'unavailable' });
  expect((await reader.watch(never)[Symbol.asyncIterator]().next()).done).toBe(true);
});

test('one source needs no wrapper', () => {
  const channel = createInProcessChannel();
  expect(fallbackReader([channel])).toBe(channel);
});
