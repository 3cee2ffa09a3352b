/** What a client that we did not write makes of what the distributor publishes: tuf-js reads it over a channel. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  parseReleasePointer,
  parseTimestamp,
  RELEASE_PATH,
  type ReleasePointer,
  rotateRoot,
} from '@portcullis/policy/trust';
import { type Fetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import {
  createWorld,
  DATA_DIR,
  draftAbort,
  draftRelease,
  keysOf,
  openWorld,
  publishRelease,
  textBundle,
  unwrap,
  type World,
} from '../testing/world.js';

type Read = (key: string) => Promise<Uint8Array | undefined>;
const ORIGIN = 'https://channel.invalid';
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'portcullis-tuf-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

function fetcherOver(read: Read): Fetcher {
  const downloadBytes = async (url: string, maxLength: number): Promise<Buffer> => {
    const bytes = await read(decodeURIComponent(url.slice(ORIGIN.length + 1)));
    if (bytes === undefined) throw new DownloadHTTPError('not found', 404);
    if (bytes.length > maxLength) throw new Error('too long');
    return Buffer.from(bytes);
  };
  return {
    downloadBytes,
    async downloadFile(url, maxLength, use) {
      const file = join(await mkdtemp(join(scratch, 'download-')), 'file');
      await writeFile(file, await downloadBytes(url, maxLength));
      return use(file);
    },
  };
}

interface Client {
  /** Updates from the pin on disk as a PDP does, and reads the pointer and its bundle. */
  update(read: Read): Promise<{ readonly pointer: ReleasePointer; readonly bundle: string }>;
}

async function newClient(root: Uint8Array): Promise<Client> {
  const folder = await mkdtemp(join(scratch, 'client-'));
  await writeFile(join(folder, 'root.json'), root);
  return {
    async update(read) {
      const kept = new Map<string, Uint8Array>();
      const updater = new Updater({
        metadataDir: folder,
        metadataBaseUrl: `${ORIGIN}/metadata/`,
        targetDir: await mkdtemp(join(scratch, 'targets-')),
        targetBaseUrl: `${ORIGIN}/targets/`,
        fetcher: fetcherOver(async (key) => {
          const bytes = await read(key);
          if (bytes !== undefined) kept.set(key, bytes);
          return bytes;
        }),
      });
      await updater.refresh();
      const targetOf = async (path: string): Promise<Uint8Array> => {
        const info = await updater.getTargetInfo(path);
        if (info === undefined) throw new Error(`no target ${path}`);
        await updater.downloadTarget(info);
        return [...kept].findLast(([key]) => key.startsWith('targets/'))?.[1] ?? new Uint8Array();
      };
      const pointer = unwrap(parseReleasePointer(await targetOf(RELEASE_PATH('dev', 'default'))));
      return { pointer, bundle: new TextDecoder().decode(await targetOf(pointer.stable.target)) };
    },
  };
}

const clientOf = (world: World): Promise<Client> => newClient(world.trust.files.get('root.json') ?? new Uint8Array());
const overChannel =
  (world: World): Read =>
  (key) =>
    world.channel.get(key, { maxBytes: 20_000_000, signal: new AbortController().signal });
const overDisk =
  (world: World): Read =>
  async (key) =>
    world.disk.files.get(`${DATA_DIR}/${key}`)?.slice();

describe('a TUF client', () => {
  test('follows releases, rollbacks and a root rotation', async () => {
    const world = await createWorld();
    const client = await clientOf(world);
    await publishRelease(world, 1, { version: '1' });
    expect((await client.update(overChannel(world))).bundle).toBe('policy 1');
    await publishRelease(world, 2, { version: '2' });
    expect(await client.update(overChannel(world))).toMatchObject({ bundle: 'policy 2', pointer: { seq: 2 } });
    await publishRelease(world, 3, { version: '1', keepTargets: true, pointer: { rollback_of: 2 } });
    expect(await client.update(overChannel(world))).toMatchObject({ bundle: 'policy 1', pointer: { seq: 3 } });

    const next = unwrap(
      rotateRoot({
        current: world.trust.files.get('root.json') ?? new Uint8Array(),
        keys: keysOf(world.trust, 'root'),
        now: world.clock.now(),
        lifetimeMs: 86_400_000,
        changes: [],
      }),
    );
    await world.publisher.rotate(next.bytes);
    expect((await client.update(overChannel(world))).pointer.seq).toBe(3);
    await publishRelease(world, 4, { version: '4' });
    expect((await client.update(overChannel(world))).pointer.seq).toBe(4);
    expect((await (await clientOf(world)).update(overDisk(world))).pointer.seq).toBe(4);
  });

  test('a distributor that starts anew continues where the last one ended', async () => {
    const world = await createWorld();
    const client = await clientOf(world);
    await publishRelease(world, 1);
    await client.update(overChannel(world));
    const again = await openWorld(world);
    expect((await client.update(overChannel(again))).pointer.seq).toBe(1);
    await publishRelease(again, 2);
    expect((await client.update(overChannel(again))).pointer.seq).toBe(2);
  });

  test('refuses every object of a release when any one byte of it is flipped', async () => {
    const world = await createWorld();
    const before = await clientOf(world);
    await publishRelease(world, 1);
    await before.update(overChannel(world));
    await publishRelease(world, 2);
    const state = world.publisher.state();
    const used: string[] = [];
    await (await clientOf(world)).update(async (key) => {
      used.push(key);
      return overChannel(world)(key);
    });
    const objects = used.filter((key) => !key.endsWith('root.json'));
    expect(objects).toHaveLength(6);
    expect(state.roles.size).toBe(4);
    for (const tampered of objects) {
      const whole = (await overChannel(world)(tampered)) ?? new Uint8Array();
      // Every 7th byte keeps the test short; all kinds of content are met: keys, digits, signatures, digests.
      for (let at = 0; at < whole.length; at += 7) {
        const bytes = Uint8Array.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ 0x01;
        const client = await clientOf(world);
        const outcome = await client
          .update(async (key) => (key === tampered ? bytes : overChannel(world)(key)))
          .then(
            ({ pointer, bundle }) => `accepted ${pointer.seq} ${bundle}`,
            () => 'refused',
          );
        // The timestamp's signature covers what it says, not how its envelope is spelled.
        if (tampered === 'metadata/timestamp.json' && outcome !== 'refused')
          expect(outcome).toBe('accepted 2 policy 1.0.2');
        else expect([tampered, at, outcome]).toEqual([tampered, at, 'refused']);
      }
    }
  }, 60_000);

  test.each([
    'metadata/timestamp.json',
    'metadata/3.snapshot.json',
    'metadata/2.targets.json',
    'metadata/2.releases-dev.json',
  ])('refuses to go without %s, and to take an older one in its place', async (key) => {
    const world = await createWorld();
    await publishRelease(world, 1);
    expect(await overChannel(world)(key)).toBeDefined();
    const client = await clientOf(world);
    await expect(
      client.update(async (asked) => (asked === key ? undefined : overChannel(world)(asked))),
    ).rejects.toThrow();
    await client.update(overChannel(world));
    const old = new Map<string, Uint8Array | undefined>();
    old.set(key, await overChannel(world)(key));
    await publishRelease(world, 2);
    const kept = await client.update(overChannel(world));
    expect(kept.pointer.seq).toBe(2);
    const role = key.replace(/^metadata\/(\d+\.)?/, '');
    const replay = client.update(async (asked) =>
      asked.replace(/^metadata\/(\d+\.)?/, '') === role ? old.get(key) : overChannel(world)(asked),
    );
    // Either the replay is refused, or what was already accepted is used instead of it.
    expect(
      await replay.then(
        ({ pointer }) => pointer.seq,
        () => 'refused',
      ),
    ).not.toBe(1);
  });

  test('refuses a release that only the abort key or only the online keys signed', async () => {
    const world = await createWorld();
    await publishRelease(world, 1);
    for (const role of ['aborts', 'snapshot', 'timestamp'] as const) {
      const forged = draftRelease(world, 2, {
        releaseKeys: keysOf(world.trust, role),
        keepTargets: true,
        version: '1.0.1',
      });
      await expect(world.publisher.publish(forged.upload)).rejects.toMatchObject({ code: 'ERR_RELEASE_REFUSED' });
    }
    expect((await (await clientOf(world)).update(overChannel(world))).pointer.seq).toBe(1);
  });

  test('an abort is a target of its own role and leaves the release alone', async () => {
    const world = await createWorld();
    const sha = await publishRelease(world, 1, { version: 'old' });
    const release = await publishRelease(world, 2, { version: 'new', pointer: { stable: sha.stable } });
    await world.publisher.publish(draftAbort(world, release));
    const { pointer } = await (await clientOf(world)).update(overChannel(world));
    expect(pointer.seq).toBe(2);
    expect(await overChannel(world)('metadata/2.aborts-dev.json')).toBeDefined();
  });
});

const timestampOnDisk = (world: World): number =>
  unwrap(parseTimestamp(world.disk.files.get(`${DATA_DIR}/metadata/timestamp.json`) ?? new Uint8Array())).signed
    .version;

describe('losing power', () => {
  test('at any step leaves readers with the old release or the new one, and the next start heals it', async () => {
    let step = 0;
    let outcomes = new Set<number>();
    for (step = 1; step < 200; step += 1) {
      const world = await createWorld();
      await publishRelease(world, 1);
      const client = await clientOf(world);
      await client.update(overDisk(world));
      const { upload, sha256 } = draftRelease(world, 2);
      await world.incoming.put(sha256, textBundle('1.0.2'));
      const before = world.disk.steps();
      world.disk.failAfter(step);
      const failed = await world.publisher.publish(upload).then(
        () => false,
        () => true,
      );
      if (!failed && world.disk.steps() - before < step) break;

      const seen = await client.update(overDisk(world));
      expect(seen.bundle).toBe(`policy 1.0.${seen.pointer.seq}`);
      outcomes = outcomes.add(seen.pointer.seq);
      // Over the channel nothing is seen before it is committed.
      const live = await (await clientOf(world)).update(overChannel(world));
      expect(live.pointer.seq).toBeLessThanOrEqual(seen.pointer.seq);

      world.disk.heal();
      const again = await openWorld(world);
      expect(
        [...again.disk.files.keys()].filter(
          (path) => path.startsWith(`${DATA_DIR}/metadata/`) && path.endsWith('.tmp'),
        ),
      ).toEqual([]);
      expect((await client.update(overDisk(again))).pointer.seq).toBe(seen.pointer.seq);
      await again.incoming.put(sha256, textBundle('1.0.2'));
      // The very same upload, sent again, ends well whichever way it went before.
      await expect(again.publisher.publish(upload)).resolves.toMatchObject({ seq: 2 });
      expect((await client.update(overChannel(again))).pointer.seq).toBe(2);
      expect(await again.repository.history({ env: 'dev', channel: 'default', seq: 2 })).toHaveLength(2);
    }
    expect(step).toBeGreaterThan(15);
    expect(outcomes).toEqual(new Set([1, 2]));
  }, 120_000);

  test('at any step leaves nothing behind that would later look like a release', async () => {
    for (let step = 1; step < 40; step += 1) {
      const world = await createWorld();
      await publishRelease(world, 1);
      const lost = draftRelease(world, 2, { pointer: { actor: 'lost' } });
      await world.incoming.put(lost.sha256, textBundle('1.0.2'));
      world.disk.failAfter(step);
      await world.publisher.publish(lost.upload).catch(() => undefined);
      world.disk.heal();
      const again = await openWorld(world);
      const seq = again.publisher.state().roles.get('releases-dev')?.metadata.signed.version === 3 ? 3 : 2;
      await publishRelease(again, seq);
      const history = await again.repository.history({ env: 'dev', channel: 'default', seq });
      expect(history.map((pointer) => pointer.actor)).toEqual(
        seq === 2 ? ['alice', 'alice'] : ['alice', 'lost', 'alice'],
      );
    }
  }, 120_000);

  test('without ending: the next call finds out what the disk holds before it signs anything', async () => {
    for (let step = 1; step < 30; step += 1) {
      const world = await createWorld();
      await publishRelease(world, 1);
      const client = await clientOf(world);
      const { upload, sha256 } = draftRelease(world, 2);
      await world.incoming.put(sha256, textBundle('1.0.2'));
      world.disk.failLate(step);
      await world.publisher.publish(upload).catch(() => undefined);
      world.disk.heal();
      const seen = await client.update(overDisk(world));
      const left = timestampOnDisk(world);
      await world.publisher.renew();
      // One version is signed once: a reader of the half-finished attempt has its bytes already.
      expect(timestampOnDisk(world)).toBe(left + 1);
      expect(world.publisher.health()).toBe(true);
      // A client that saw the half-finished attempt must accept what is signed after it.
      expect((await client.update(overDisk(world))).pointer.seq).toBeGreaterThanOrEqual(seen.pointer.seq);
      await world.publisher.publish(upload);
      expect((await client.update(overDisk(world))).pointer.seq).toBe(2);
    }
  }, 120_000);

  test('during the first start leads to a first start', async () => {
    for (let step = 1; step < 40; step += 1) {
      const world = await createWorld();
      for (const path of world.disk.files.keys()) if (path.startsWith(DATA_DIR)) world.disk.files.delete(path);
      world.disk.failAfter(step);
      const failed = await openWorld(world).then(
        () => false,
        () => true,
      );
      world.disk.heal();
      const again = await openWorld(world);
      await publishRelease(again, 1);
      expect((await (await clientOf(again)).update(overChannel(again))).pointer.seq).toBe(1);
      if (!failed) return;
    }
    throw new Error('the first start never ended');
  }, 60_000);
});
