import { describe, expect, test } from '@jest/globals';
import { type ChannelPair, channelContract } from '@portcullis/runtime/channel-contract';

/** A fresh, empty channel for one case, and how to take it down. */
export interface OpenedChannel extends ChannelPair {
  close(): Promise<void>;
}

/** Runs the contract of the channel port against an adapter; `open` is called once for every case. */
export function describeChannelContract(adapter: string, open: () => Promise<OpenedChannel>): void {
  describe(`${adapter} keeps the channel contract:`, () => {
    test.each(channelContract)(
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
