import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { RELEASE_PATH, targetKey } from '@portcullis/policy/trust';
import { createLogger } from '@portcullis/runtime';
import type { ChannelReader } from '@portcullis/runtime/channel';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { createRecorder, createReportRecorder } from '../fixtures/recorders.js';
import { CHANNEL, createTestRepository, ENV, type TestRepository } from '../fixtures/repository.js';
import { toolCall } from '../fixtures/requests.js';
import { type ActiveReleases, createActiveReleases } from './active.js';
import { type BeforeRelease, type BundleClient, createBundleClient } from './bundle-client.js';
import { openBundleFiles, sha256Of } from './bundle-files.js';
import { compileBundleBytes } from './compile-bundle.js';
import type { BundleCompiler } from './compiler.js';
import { FRESHNESS_PROFILES } from './freshness.js';
import type { ObjectSource } from './object-source.js';

const signal = AbortSignal.any([]);
const log = createLogger({ component: 'test', level: 'silent' });
// Every step is a file or a socket; a busy machine must not turn that into a failure.
jest.setTimeout(60_000);
const inline: BundleCompiler = { compile: (bytes) => compileBundleBytes(bytes), close: async () => undefined };

interface Node {
  readonly client: BundleClient;
  readonly active: ActiveReleases;
  readonly counted: string[];
  readonly reported: string[];
  /** What the policy in force says about a tool, or why there is none. */
  says(tool: string): string;
}

let dataDir: string;
let clock: FakeClock;
let repository: TestRepository;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portcullis-bundles-'));
  clock = createFakeClock();
  repository = await createTestRepository(clock.now());
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

/** A node on the data directory; a second one on the same directory is the first one restarted. */
function node(
  changes: {
    sources?: readonly ObjectSource[];
    compiler?: BundleCompiler;
    profile?: keyof typeof FRESHNESS_PROFILES;
    dataDir?: string;
    pinnedRoot?: Uint8Array;
    beforeRelease?: BeforeRelease;
  } = {},
): Node {
  const active = createActiveReleases(clock, FRESHNESS_PROFILES[changes.profile ?? 'standard']);
  const observer = createRecorder();
  const reports = createReportRecorder();
  const client = createBundleClient({
    env: ENV,
    channel: CHANNEL,
    dataDir: changes.dataDir ?? dataDir,
    pinnedRoot: changes.pinnedRoot ?? repository.pinnedRoot,
    sources: changes.sources ?? [repository.channel],
    active,
    files: openBundleFiles(join(changes.dataDir ?? dataDir, 'bundles')),
    compiler: changes.compiler ?? inline,
    reports,
    observer,
    clock,
    log,
    maxBundleBytes: 1024 * 1024,
    syncTimeoutMs: 5_000,
    beforeRelease: changes.beforeRelease ?? (async () => undefined),
  });
  return {
    client,
    active,
    counted: observer.lines,
    reported: reports.lines,
    says: (tool) => {
      const current = active.current();
      return current.ok ? current.snapshot.engine.evaluate(toolCall(tool)).effect : current.message;
    },
  };
}

/** A source that shows `objects` instead of, or before, what the channel has. */
function replaying(objects: ReadonlyMap<string, Uint8Array>): ObjectSource {
  return { get: async (key) => objects.get(key) };
}

const down: Pick<ChannelReader, 'get'> = {
  get: async () => {
    throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  },
};

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

describe('anything wrong leaves the release in force as it is', () => {
  /** A node with release 1 in force while release 2 is on the channel. */
  async function withRelease2(options: Parameters<typeof node>[0] = {}): Promise<Node> {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const subject = node(options);
    await subject.client.sync(signal);
    await repository.release({ version: '2.0.0', allow: ['write'] });
    return subject;
  }

  async function expectRefused(subject: Node, reason: string): Promise<void> {
    expect(await subject.client.sync(signal)).toBe('refused');
    expect([subject.says('read'), subject.says('write')]).toEqual(['allow', 'deny']);
    expect(subject.active.state().releaseSeq).toBe(1);
    expect(subject.counted.at(-2)).toBe(`verifyFailed ${reason}`);
    expect(subject.reported.at(-1)).toContain(`${reason}: `);
  }

  /** Keys of release 2's metadata, newest version of each role. */
  const ROLES = ['timestamp.json', '3.snapshot.json', '3.targets.json', '3.releases-prod.json'] as const;

  test.each(ROLES)(
    'a flipped byte anywhere in %s',
    async (name) => {
      const subject = await withRelease2();
      const key = `metadata/${name}`;
      const whole = repository.objects().get(key);
      if (whole === undefined) throw new Error(`${key} was not published`);
      // Every offset is flipped by the integration test; a prime stride here visits every part of the document.
      for (let offset = 0; offset < whole.byteLength; offset += 37) {
        const bytes = Uint8Array.from(whole);
        bytes[offset] = (bytes[offset] ?? 0) ^ 0x01;
        await repository.put(key, bytes);
        expect({ offset, outcome: await subject.client.sync(signal) }).toEqual({ offset, outcome: 'refused' });
        expect([subject.says('read'), subject.active.state().releaseSeq]).toEqual(['allow', 1]);
      }
      await repository.put(key, whole);
      expect(await subject.client.sync(signal)).toBe('activated');
    },
    60_000,
  );

  test.each([
    [
      'a flipped byte in the bundle',
      (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, i) => (i === 100 ? byte ^ 1 : byte)),
    ],
    ['a truncated bundle', (bytes: Uint8Array) => bytes.slice(0, -1)],
    ['an empty bundle', () => new Uint8Array()],
  ])('%s', async (_name, tamper) => {
    const subject = await withRelease2();
    for (const [key, bytes] of repository.objects()) {
      if (key.startsWith('targets/bundles/')) await repository.put(key, tamper(bytes));
    }
    await expectRefused(subject, 'metadata');
  });

  test('a tampered pointer', async () => {
    const subject = await withRelease2();
    for (const [key, bytes] of repository.objects()) {
      if (key.startsWith('targets/releases/'))
        await repository.put(
          key,
          Uint8Array.from(bytes, (byte) => byte ^ 1),
        );
    }
    await expectRefused(subject, 'metadata');
  });

  test('a missing bundle', async () => {
    const subject = await withRelease2();
    const objects = new Map([...repository.objects()].filter(([key]) => !key.startsWith('targets/bundles/')));
    const again = node({ sources: [replaying(objects)] });
    await again.client.restore(signal);
    await expectRefused(again, 'missing');
    expect(subject.says('read')).toBe('allow');
  });

  test.each(['timestamp.json', '2.root.json', '3.snapshot.json', '3.targets.json', '3.releases-prod.json'])(
    '%s beyond its cap, from a source that does not keep to it',
    async (name) => {
      await withRelease2();
      const huge = new Map(repository.objects()).set(`metadata/${name}`, new Uint8Array(6_000_000));
      const again = node({ sources: [replaying(huge)] });
      await again.client.restore(signal);
      await expectRefused(again, 'oversized');
    },
  );

  test('a bundle that does not compile', async () => {
    const failing: BundleCompiler = {
      compile: async (bytes) => {
        const result = await compileBundleBytes(bytes);
        const isFirst = result.ok && JSON.stringify(result.value).includes('1.0.0');
        return isFirst
          ? result
          : { ok: false, problems: [{ code: 'ERR_TEST', message: 'no such operator', path: '' }] };
      },
      close: async () => undefined,
    };
    const subject = await withRelease2({ compiler: failing });
    await expectRefused(subject, 'compile');
    expect(subject.reported.at(-1)).toBe('refused 2 compile: no such operator');
  });

  test('a release that is past its end', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const subject = node();
    await subject.client.sync(signal);
    await repository.release({ version: '2.0.0', allow: ['write'], notAfterMs: 1_000 });
    clock.advance(2_000);
    await expectRefused(subject, 'expired');
  });

  test('a release whose seq is lower, or the same with other content', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'], seq: 7 });
    const subject = node();
    await subject.client.sync(signal);
    for (const seq of [6, 7]) {
      await repository.release({ version: '2.0.0', allow: ['write'], seq });
      expect(await subject.client.sync(signal)).toBe('refused');
      expect([subject.says('read'), subject.active.state().releaseSeq]).toEqual(['allow', 7]);
      expect(subject.client.trouble).toContain('release: ');
    }
  });

  test('a pointer that names another policy version than its bundle', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const subject = node();
    await subject.client.sync(signal);
    const pointer = await repository.release({ version: '2.0.0', allow: ['write'] });
    await repository.release({
      version: '2.0.0',
      allow: ['write'],
      change: { stable: { ...pointer.stable, policy_version: '9.9.9' } },
    });
    await expectRefused(subject, 'release');
  });

  test('the same refusal is reported once, and again after things were well', async () => {
    const subject = await withRelease2();
    const good = repository.objects();
    await repository.put('metadata/timestamp.json', new Uint8Array([0x7b]));
    await subject.client.sync(signal);
    await subject.client.sync(signal);
    expect(subject.reported.filter((line) => line.startsWith('refused'))).toHaveLength(1);
    expect(subject.counted.filter((line) => line === 'verifyFailed metadata')).toHaveLength(2);
    await repository.put('metadata/timestamp.json', good.get('metadata/timestamp.json') ?? new Uint8Array());
    expect(await subject.client.sync(signal)).toBe('activated');
    expect(subject.client.trouble).toBeUndefined();
  });
});

describe('replay', () => {
  test('an older state of the whole repository is not taken, before or after a restart, nor with damaged metadata on disk', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const old = repository.objects();
    await repository.release({ version: '2.0.0', allow: ['write'] });
    const first = node();
    await first.client.sync(signal);
    const replay = node({ sources: [replaying(old)] });
    await replay.client.restore(signal);
    expect([await replay.client.sync(signal), replay.says('write')]).toEqual(['refused', 'allow']);

    // tuf-js forgets its rollback protection when its own files do not parse.
    for (const role of ['timestamp', 'snapshot', 'targets', 'releases-prod', 'root']) {
      await writeFile(join(dataDir, 'metadata', `${role}.json`), '{');
    }
    const damaged = node({ sources: [replaying(old)] });
    await damaged.client.restore(signal);
    expect([await damaged.client.sync(signal), damaged.says('write')]).toEqual(['refused', 'allow']);
    expect(damaged.counted).toContain('verifyFailed rollback');
    expect(damaged.active.state().releaseSeq).toBe(2);

    const honest = node();
    await honest.client.restore(signal);
    expect(await honest.client.sync(signal)).toBe('unchanged');
  });

  test('fast-forward recovery: after new timestamp and snapshot keys, lower versions are taken again, a lower seq never', async () => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    for (let i = 0; i < 5; i += 1) await repository.renew();
    const subject = node();
    await subject.client.sync(signal);
    await repository.recover();
    expect(await subject.client.sync(signal)).toBe('unchanged');
    await repository.release({ version: '2.0.0', allow: ['write'] });
    expect([await subject.client.sync(signal), subject.says('write')]).toEqual(['activated', 'allow']);
  });
});

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
});

test('the key of a pointer on the channel is that of its hash', async () => {
  const pointer = await repository.release({ version: '1.0.0', allow: ['read'] });
  const keys = [...repository.objects().keys()];
  expect(keys).toContain(targetKey(pointer.stable.target, pointer.stable.sha256));
  expect(keys.some((key) => key.startsWith(`targets/${RELEASE_PATH(ENV, CHANNEL).replace(/[^/]*$/, '')}`))).toBe(true);
});
