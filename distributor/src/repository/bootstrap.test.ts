import { describe, expect, test } from '@jest/globals';
import { signTargets } from '@portcullis/policy/trust';
import { createWorld, keysOf, openWorld, publishRelease, unwrap, type World } from '../testing/world.js';

async function emptied(change: (files: Map<string, Uint8Array>, world: World) => void): Promise<unknown> {
  const world = await createWorld();
  const { files } = world.disk;
  for (const path of files.keys()) if (path.startsWith('/data')) files.delete(path);
  change(files, world);
  return openWorld(world);
}

describe('the first start', () => {
  test.each<[string, string, (files: Map<string, Uint8Array>, world: World) => void]>([
    ['without a root', 'root.json does not exist', (files) => files.delete('/trust/root.json')],
    ['without a delegated role', 'aborts-dev.json does not exist', (files) => files.delete('/trust/aborts-dev.json')],
    [
      'with targets of strangers',
      'targets of the trust folder cannot be trusted',
      (files, world) => {
        const signing = {
          current: files.get('/trust/targets.json') ?? new Uint8Array(),
          now: world.clock.now(),
          lifetimeMs: 1000,
          changes: [],
        };
        files.set('/trust/targets.json', unwrap(signTargets({ ...signing, keys: [] })).bytes);
      },
    ],
    [
      'with targets whose files are elsewhere',
      'names targets, whose files are not there',
      (files, world) => {
        const current = files.get('/trust/releases-dev.json') ?? new Uint8Array();
        const signing = { current, keys: keysOf(world.trust, 'releases'), now: world.clock.now(), lifetimeMs: 1000 };
        const changes = [{ path: 'releases/dev/default.json', bytes: new Uint8Array([1]) }];
        files.set('/trust/releases-dev.json', unwrap(signTargets({ ...signing, changes })).bytes);
      },
    ],
    [
      'with a root that is none',
      'root of the trust folder cannot be trusted',
      (files) => files.set('/trust/root.json', new Uint8Array([1])),
    ],
  ])('%s is refused and names the command to run', async (_name, why, change) => {
    await expect(emptied(change)).rejects.toMatchObject({
      code: 'ERR_TRUST_INIT',
      message: expect.stringMatching(new RegExp(`${why}.*portcullis trust init`)),
    });
  });

  test.each<[string, string, (files: Map<string, Uint8Array>, world: World) => void]>([
    [
      'has no keys',
      'has no snapshot key',
      (files) => {
        files.delete('/keys/distributor/snapshot.pem');
      },
    ],
    [
      'has a key of somebody else',
      'has no timestamp key',
      (files) => {
        files.set('/keys/distributor/timestamp.pem', files.get('/keys/owner/targets.pem') ?? new Uint8Array());
      },
    ],
    [
      'has a key that is none',
      'timestamp.pem is not usable',
      (files) => files.set('/keys/distributor/timestamp.pem', new Uint8Array([1])),
    ],
  ])('is refused when the keys folder %s', async (_name, why, change) => {
    await expect(emptied(change)).rejects.toMatchObject({
      code: 'ERR_TRUST_KEY',
      message: expect.stringContaining(why),
    });
  });

  test('opens no key but its own', async () => {
    const world = await createWorld();
    const read: string[] = [];
    world.disk.files.set(
      '/keys/distributor/targets.pem',
      world.disk.files.get('/keys/owner/targets.pem') ?? new Uint8Array(),
    );
    const disk = {
      ...world.disk,
      read: (path: string) => {
        read.push(path);
        return world.disk.read(path);
      },
    };
    await openWorld({ ...world, disk });
    expect(read.filter((path) => path.startsWith('/keys')).toSorted()).toEqual([
      '/keys/distributor/snapshot.pem',
      '/keys/distributor/timestamp.pem',
    ]);
    expect(keysOf(world.trust, 'targets')).toHaveLength(1);
  });
});

describe('a damaged repository', () => {
  test.each(['1.root.json', '2.targets.json', '2.releases-dev.json', '1.aborts-dev.json', '3.snapshot.json'])(
    'does not start without %s, nor with another byte in it',
    async (name) => {
      const world = await createWorld();
      await publishRelease(world, 1);
      const path = `/data/metadata/${name}`;
      const bytes = world.disk.files.get(path) ?? new Uint8Array();
      expect(bytes.length).toBeGreaterThan(0);
      const flipped = Uint8Array.from(bytes);
      flipped[bytes.length >> 1] = (flipped[bytes.length >> 1] ?? 0) ^ 1;
      world.disk.files.set(path, flipped);
      await expect(openWorld(world)).rejects.toMatchObject({ code: 'ERR_REPOSITORY_CORRUPT' });
      world.disk.files.delete(path);
      await expect(openWorld(world)).rejects.toMatchObject({ kind: 'corrupt' });
    },
  );

  test('does not start with signed metadata that is not the one that was committed', async () => {
    const world = await createWorld();
    const current = world.publisher.state().roles.get('releases-dev')?.bytes ?? new Uint8Array();
    const signing = { current, keys: keysOf(world.trust, 'releases'), now: world.clock.now(), lifetimeMs: 1000 };
    const other = unwrap(
      signTargets({ ...signing, changes: [{ path: 'releases/dev/x.json', bytes: new Uint8Array([1]) }] }),
    );
    await publishRelease(world, 1);
    expect(world.disk.files.has('/data/metadata/2.releases-dev.json')).toBe(true);
    world.disk.files.set('/data/metadata/2.releases-dev.json', other.bytes);
    await expect(openWorld(world)).rejects.toMatchObject({ code: 'ERR_REPOSITORY_CORRUPT' });
  });
});
