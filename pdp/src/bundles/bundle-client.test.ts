import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { RELEASE_PATH, targetKey } from '@portcullis/policy/trust';
import { type BundleWorld, createBundleWorld, down, replaying } from '../fixtures/bundle-world.js';
import type { FakeClock } from '../fixtures/fake-clock.js';
import { CHANNEL, ENV, type TestRepository } from '../fixtures/repository.js';
import { toolCall } from '../fixtures/requests.js';
import { sha256Of } from './bundle-files.js';
import type { ObjectSource } from './object-source.js';

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

describe('taking a release', () => {
  test('nothing is in force before the first', async () => {
    const { client, says, active } = node();
    expect(says('read')).toBe('no valid bundle has been loaded');
    await client.sync(signal);
    expect(says('read')).toBe('no valid bundle has been loaded');
    expect(active.state().freshness).toBe('none');
    expect(client.trouble).toContain('the channel has no release');
  });

  test('is staged, put in force and reported, in this order; the exact bytes are on disk', async () => {
    const pointer = await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, says, reported, counted, active } = node();
    expect(await client.sync(signal)).toBe('activated');
    expect([says('read'), says('write')]).toEqual(['allow', 'deny']);
    expect(reported).toEqual(['staged 1', 'loaded 1']);
    expect(counted).toEqual(['activation activated']);
    expect(active.state()).toEqual({
      releaseSeq: 1,
      bundleDigest: pointer.stable.sha256,
      policyVersion: '1.0.0',
      freshness: 'fresh',
    });
    const bytes = await readFile(join(dataDir, 'bundles', `${pointer.stable.sha256}.tar.gz`));
    expect(sha256Of(bytes)).toBe(pointer.stable.sha256);
  });

  test('the next one replaces it; a decision in flight keeps the snapshot it took', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, says, active } = node();
    await client.sync(signal);
    const before = active.current();
    await repository.release({ version: '2.0.0', allow: ['write'] });
    expect(await client.sync(signal)).toBe('activated');
    expect([says('read'), says('write')]).toEqual(['deny', 'allow']);
    if (!before.ok) throw new Error('there was a release');
    expect(before.snapshot.engine.evaluate(toolCall('read')).effect).toBe('allow');
    expect(before.snapshot.releaseSeq).toBe(1);
  });

  test('a rollback is a higher seq that points at older content', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, says, active } = node();
    await client.sync(signal);
    await repository.release({ version: '2.0.0', allow: ['write'] });
    await client.sync(signal);
    await repository.release({ version: '1.0.0', allow: ['read'], change: { rollback_of: 2 } });
    expect(await client.sync(signal)).toBe('activated');
    expect([says('read'), active.state().releaseSeq]).toEqual(['allow', 3]);
  });

  test('seeing the same again changes nothing', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, reported } = node();
    await client.sync(signal);
    expect(await client.sync(signal)).toBe('unchanged');
    expect(reported).toEqual(['staged 1', 'loaded 1']);
  });
});

describe('several sources', () => {
  test('where one is down, the next is asked', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, says } = node({ sources: [down, repository.channel] });
    expect([await client.sync(signal), says('read')]).toEqual(['activated', 'allow']);
  });

  test('where one lags behind or tampers, the next is asked', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const lagging = replaying(repository.objects());
    const first = node({ sources: [lagging] });
    await first.client.sync(signal);
    await repository.release({ version: '2.0.0', allow: ['write'] });
    const tampering: ObjectSource = { get: async () => new Uint8Array([0x7b, 0x7d]) };
    const second = node({ sources: [lagging, tampering, repository.channel] });
    await second.client.restore(signal);
    expect([await second.client.sync(signal), second.says('write')]).toEqual(['activated', 'allow']);
  });
});

describe('signs of life', () => {
  test('a new timestamp keeps the release fresh; seeing an old one again does not', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, active } = node();
    await client.sync(signal);
    clock.advance(50_000);
    await client.sync(signal);
    clock.advance(20_000);
    expect(active.state().freshness).toBe('stale');
    await repository.renew(2 * 86_400_000);
    await client.sync(signal);
    expect(active.state().freshness).toBe('fresh');
  });

  test('a timestamp that vouches for a newer release which cannot be taken does not lengthen the life of the old one', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, active } = node({ profile: 'strict' });
    await client.sync(signal);
    await repository.release({ version: '2.0.0', allow: ['nothing'] });
    for (const [key] of repository.objects()) {
      if (key.startsWith('targets/bundles/')) await repository.put(key, new Uint8Array([1]));
    }
    clock.advance(10_000);
    await repository.renew(2 * 86_400_000);
    expect(await client.sync(signal)).toBe('refused');
    clock.advance(6_000);
    expect(active.state().freshness).toBe('expired');
  });

  test('a wall clock that was set back denies, takes nothing, and recovers with the clock', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, says, counted } = node();
    await client.sync(signal);
    clock.stepWall(-3_000);
    expect(says('read')).toBe('allow');
    clock.stepWall(-3_000);
    expect(says('read')).toBe('the clock is behind the last trusted time');
    expect(await client.sync(signal)).toBe('refused');
    expect(counted).toContain('verifyFailed clock');
    const again = node();
    await again.client.restore(signal);
    expect(again.says('read')).toBe('the clock is behind the last trusted time');
    clock.stepWall(6_000);
    expect([says('read'), again.says('read')]).toEqual(['allow', 'allow']);
  });

  test('a wall clock that is set back a little does not lengthen the life', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, active } = node({ profile: 'strict' });
    await client.sync(signal);
    clock.advance(14_000);
    clock.stepWall(-13_000);
    clock.advance(2_000);
    expect(active.state().freshness).toBe('expired');
  });

  test('nor does one that is held back while the same timestamp is shown again and again', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const { client, active, says } = node({ profile: 'strict' });
    await client.sync(signal);
    for (let second = 0; second < 16; second += 1) {
      clock.advance(1_000);
      clock.stepWall(-1_000);
      expect(await client.sync(signal)).toBe('unchanged');
    }
    expect([active.state().freshness, says('read')]).toEqual([
      'expired',
      'the bundle is past the time that it may be served',
    ]);
  });
});

test('the key of a pointer on the channel is that of its hash', async () => {
  const pointer = await repository.release({ version: '1.0.0', allow: ['read'] });
  const keys = [...repository.objects().keys()];
  expect(keys).toContain(targetKey(pointer.stable.target, pointer.stable.sha256));
  expect(keys.some((key) => key.startsWith(`targets/${RELEASE_PATH(ENV, CHANNEL).replace(/[^/]*$/, '')}`))).toBe(true);
});
