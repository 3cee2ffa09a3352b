import { describe, expect, test } from '@jest/globals';
import { hashesOf, metadataKey, parseReleasePointer, RELEASE_PATH, targetKey } from '@portcullis/policy/trust';
import type { Clock } from '@portcullis/runtime';
import type { FakeDistributor } from './fake-distributor.js';
import { dev, NOW, publish, released, utf8 } from './testing/releases.js';

describe('what a release is built upon is verified from the pinned root on', () => {
  test.each<[string, (fake: FakeDistributor) => void, RegExp]>([
    ['another root is pinned', (fake) => Object.assign(fake, { root: dev().root }), /timestamp cannot be trusted/],
    [
      'there is no timestamp',
      (fake) => void fake.objects.delete(metadataKey('timestamp', 0)),
      /has no metadata\/timestamp.json/,
    ],
    [
      "targets are somebody else's",
      (fake) => {
        const key = metadataKey('targets', 1);
        fake.objects.set(key, dev().objects.get(key) ?? new Uint8Array());
      },
      /targets cannot be trusted/,
    ],
    [
      "the snapshot is somebody else's",
      (fake) => {
        const key = metadataKey('snapshot', 1);
        fake.objects.set(key, dev().objects.get(key) ?? new Uint8Array());
      },
      /snapshot cannot be trusted/,
    ],
    [
      'a bit of releases is flipped',
      (fake) => {
        const key = metadataKey('releases-prod', 1);
        const bytes = Uint8Array.from(fake.objects.get(key) ?? []);
        const at = bytes.length - 20;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        fake.objects.set(key, bytes);
      },
      /releases-prod cannot be trusted/,
    ],
  ])('refuses when %s', async (_name, attack, message) => {
    const fake = dev();
    attack(fake);
    await expect(publish(fake, '1.0.0')).rejects.toThrow(message);
    expect(fake.bundlesReceived).toEqual([]);
  });

  test.each(['snapshot', 'targets', 'releases-prod'])(
    'refuses an old %s under the name of the current one',
    async (role) => {
      const fake = dev();
      released(await publish(fake, '1.0.0'));
      fake.objects.set(metadataKey(role, 2), fake.objects.get(metadataKey(role, 1)) ?? new Uint8Array());
      await expect(publish(fake, '1.1.0')).rejects.toThrow(`${role} has version 1, but version 2 is current`);
    },
  );

  test('refuses an old snapshot of signed metadata once its timestamp has expired', async () => {
    const fake = dev();
    const late: Clock = { now: () => NOW + 2 * 3_600_000, monotonic: () => 0 };
    await expect(publish(fake, '1.0.0', { clock: late })).rejects.toThrow(/timestamp has expired/);
  });

  test('refuses an environment that has no role', async () => {
    await expect(publish(dev(), '1.0.0', { env: 'staging' })).rejects.toThrow(/releases-staging does not exist/);
  });

  test('refuses a current pointer whose bytes are not the signed ones', async () => {
    const fake = dev();
    released(await publish(fake, '1.0.0'));
    const path = RELEASE_PATH('prod', 'default');
    const key = [...fake.objects.keys()].find((name) => name.startsWith('targets/releases/prod/')) ?? '';
    const bytes = fake.objects.get(key) ?? new Uint8Array();
    expect(key).toBe(targetKey(path, hashesOf(bytes).sha256));
    const pointer = parseReleasePointer(bytes);
    expect(pointer).toMatchObject({ ok: true, value: { seq: 1 } });
    fake.objects.set(key, utf8.encode(new TextDecoder().decode(bytes).replace('"seq":1,', '"seq":7,')));
    await expect(publish(fake, '1.1.0')).rejects.toThrow(/is not what was signed/);
  });
});
