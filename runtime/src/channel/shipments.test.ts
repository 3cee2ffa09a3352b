import { describe, expect, test } from '@jest/globals';
import { createInProcessChannel } from './in-process.js';
import { packBytes, unpackBytes } from './packing.js';
import { shipmentContract } from './shipment-contract.js';

describe('shipments inside one process keep the contract:', () => {
  test.each(shipmentContract)('$name', async ({ check }) => {
    const channel = createInProcessChannel();
    await expect(check(channel)).resolves.toBeUndefined();
    await channel.close();
  });
});

describe('an offer', () => {
  test('is refused while too many are under way', async () => {
    const channel = createInProcessChannel();
    const stop = new AbortController();
    const held = Promise.withResolvers<Uint8Array>();
    const served = channel.receiver.serve(() => held.promise, stop.signal);
    const offers = Array.from({ length: 32 }, () => channel.offer({ bytes: new Uint8Array() }));
    await expect(channel.offer({ bytes: new Uint8Array() })).rejects.toMatchObject({ kind: 'unavailable' });
    held.resolve(new Uint8Array());
    await Promise.all(offers);
    stop.abort();
    await served;
  });
});

describe('packing', () => {
  test('gives back what was packed', async () => {
    const bytes = Buffer.from('record\n'.repeat(1_000));
    expect(Buffer.from(await unpackBytes(await packBytes(bytes), bytes.length)).equals(bytes)).toBe(true);
  });

  test('stops at its bound, however well a bomb was packed', async () => {
    const bomb = await packBytes(new Uint8Array(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(1_000_000);
    await expect(unpackBytes(bomb, 1024 * 1024)).rejects.toMatchObject({
      code: 'ERR_CHANNEL_PACKING',
      kind: 'corrupt',
    });
  });
});
