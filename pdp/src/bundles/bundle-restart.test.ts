import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type BundleWorld, createBundleWorld, down } from '../fixtures/bundle-world.js';
import type { FakeClock } from '../fixtures/fake-clock.js';
import { createTestRepository, type TestRepository } from '../fixtures/repository.js';

const signal = AbortSignal.any([]);
// Every step is a file or a socket; a busy machine must not turn that into a failure.
jest.setTimeout(60_000);

let world: BundleWorld;
let dataDir: string;
let clock: FakeClock;
let repository: TestRepository;
let node: BundleWorld['node'];
beforeEach(async () => {
  world = await createBundleWorld();
  ({ dataDir, clock, repository, node } = world);
});
afterEach(() => world.remove());

describe('restart', () => {
  test('the last good release is in force again from disk, with the channel down, and goes stale and expires as before', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    await node().client.sync(signal);
    clock.advance(30_000);
    const again = node({ sources: [down] });
    await again.client.restore(signal);
    expect([again.says('read'), again.active.state().freshness]).toEqual(['allow', 'fresh']);
    expect(again.counted).toEqual(['activation restored']);
    expect(await again.client.sync(signal)).toBe('refused');
    expect(again.counted).toContain('verifyFailed unavailable');
    clock.advance(31_000);
    expect([again.says('read'), again.active.state().freshness]).toEqual(['allow', 'stale']);
    clock.advance(600_000);
    expect([again.says('read'), again.active.state().freshness]).toEqual([
      'the bundle is past the time that it may be served',
      'expired',
    ]);
  });

  test('a bundle that was damaged on disk is not served, and is fetched again', async () => {
    const pointer = await repository.release({ version: '1.0.0', allow: ['read'] });
    await node().client.sync(signal);
    const path = join(dataDir, 'bundles', `${pointer.stable.sha256}.tar.gz`);
    const bytes = await readFile(path);
    bytes[50] = (bytes[50] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const again = node();
    await again.client.restore(signal);
    expect(again.says('read')).toBe('no valid bundle has been loaded');
    expect(again.counted).toEqual(['verifyFailed digest']);
    expect([await again.client.sync(signal), again.says('read')]).toEqual(['activated', 'allow']);
  });

  test('a root that somebody put into the data directory is not trusted, with the channel up or down', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    await node().client.sync(signal);
    await repository.recover();
    const rotated = node();
    await rotated.client.restore(signal);
    expect(await rotated.client.sync(signal)).toBe('unchanged');

    // A whole repository of somebody else's, under its own root, that says everything is allowed.
    const foreign = await createTestRepository(clock.now());
    await foreign.release({ version: '9.0.0', allow: ['read', 'write'], seq: 99 });
    const theirs = node({
      dataDir: join(dataDir, 'theirs'),
      pinnedRoot: foreign.pinnedRoot,
      sources: [foreign.channel],
    });
    await theirs.client.sync(signal);
    for (const name of ['metadata', 'bundles', 'trusted-state']) {
      await cp(join(dataDir, 'theirs', name), join(dataDir, name), { recursive: true });
    }
    await writeFile(join(dataDir, 'roots', '3.root.json'), foreign.pinnedRoot);
    const planted = node({ sources: [down] });
    await planted.client.restore(signal);
    expect(planted.says('write')).toBe('no valid bundle has been loaded');
    const online = node({ sources: [foreign.channel] });
    await online.client.restore(signal);
    expect([await online.client.sync(signal), online.says('write')]).toEqual([
      'refused',
      'no valid bundle has been loaded',
    ]);
  });

  test('after a rotation of roots, a restart without the channel walks the steps it kept', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const first = node();
    await first.client.sync(signal);
    await repository.recover();
    await first.client.sync(signal);
    const again = node({ sources: [down] });
    await again.client.restore(signal);
    expect(again.says('read')).toBe('allow');
    await rm(join(dataDir, 'roots'), { recursive: true });
    const cut = node({ sources: [down] });
    await cut.client.restore(signal);
    expect(cut.says('read')).toBe('no valid bundle has been loaded');
    const online = node();
    await online.client.restore(signal);
    expect([await online.client.sync(signal), online.says('read')]).toEqual(['activated', 'allow']);
  });

  test('a state file with any byte flipped keeps the node from starting', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    await node().client.sync(signal);
    const path = join(dataDir, 'trusted-state');
    const whole = await readFile(path);
    for (let offset = 0; offset < whole.byteLength; offset += 97) {
      const bytes = Buffer.from(whole);
      bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
      await writeFile(path, bytes);
      await expect(node().client.restore(signal)).rejects.toMatchObject({ kind: 'corrupt' });
    }
  });

  test('a bundle that cannot be written to disk is not put in force', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const subject = node();
    await subject.client.sync(signal);
    await repository.release({ version: '2.0.0', allow: ['write'] });
    await rm(join(dataDir, 'bundles'), { recursive: true });
    await writeFile(join(dataDir, 'bundles'), 'a file where the folder should be');
    expect([await subject.client.sync(signal), subject.says('read')]).toEqual(['refused', 'allow']);
    expect(subject.counted).toContain('verifyFailed persist');
  });
});
