import { describe, expect, test } from '@jest/globals';
import { channelContract } from './channel-contract.js';
import { createInProcessChannel } from './in-process.js';

describe('in-process channel keeps the contract:', () => {
  test.each(channelContract)('$name', async ({ check }) => {
    const channel = createInProcessChannel();
    try {
      await expect(check({ writer: channel, reader: channel })).resolves.toBeUndefined();
    } finally {
      await channel.close();
    }
  });
});

describe('in-process channel for long polling', () => {
  const never = new AbortController().signal;

  test('answers at once when the caller knows another state or none', async () => {
    const channel = createInProcessChannel();
    expect(await channel.changed(undefined, never)).toBe(channel.cursor());
    expect(await channel.changed('an earlier life', never)).toBe(channel.cursor());
  });

  test('answers upon the next hint when the caller is up to date', async () => {
    const channel = createInProcessChannel();
    const before = channel.cursor();
    const answer = channel.changed(before, never);
    await channel.hint(never);
    expect(await answer).toBe(channel.cursor());
    expect(channel.cursor()).not.toBe(before);
  });

  test('answers unchanged when the time is up', async () => {
    const channel = createInProcessChannel();
    const before = channel.cursor();
    expect(await channel.changed(before, AbortSignal.timeout(5))).toBe(before);
  });

  test('two lives never share a cursor', () => {
    expect(createInProcessChannel().cursor()).not.toBe(createInProcessChannel().cursor());
  });

  test('a slow watcher gets one hint for many', async () => {
    const channel = createInProcessChannel();
    const stop = new AbortController();
    const hints = channel.watch(stop.signal)[Symbol.asyncIterator]();
    await hints.next();
    for (let i = 0; i < 10; i += 1) await channel.hint(never);
    await hints.next();
    stop.abort();
    expect((await hints.next()).done).toBe(true);
  });
});
