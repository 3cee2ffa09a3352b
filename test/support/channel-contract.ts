import { describe, expect, test } from '@jest/globals';
import { type ChannelPair, channelContract } from '@portcullis/runtime/channel-contract';

/** A fresh, empty channel for one case, and how to take it down. */
export interface OpenedChannel extends ChannelPair {
  close(): Promise<void>;
}

/**
 * Runs the contract of the channel port against an adapter; `open` is called once for every case.
 * @param without names of cases that the other end does not keep on purpose; the caller tests what it does instead
 */
export function describeChannelContract(
  adapter: string,
  open: () => Promise<OpenedChannel>,
  without: readonly string[] = [],
): void {
  const unknown = without.filter((name) => !channelContract.some((known) => known.name === name));
  if (unknown.length > 0) throw new Error(`no such case of the contract: ${unknown.join(', ')}`);
  describe(`${adapter} keeps the channel contract:`, () => {
    test.each(channelContract.filter(({ name }) => !without.includes(name)))(
      '$name',
      async ({ check }) => {
        const channel = await open();
        try {
          await expect(check(channel)).resolves.toBeUndefined();
        } finally {
          await channel.close();
        }
      },
      60_000,
    );
  });
}
