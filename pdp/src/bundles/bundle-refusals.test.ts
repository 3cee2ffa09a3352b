import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ReleasePointer } from '@portcullis/policy/trust';
import {
  type BundleWorld,
  createBundleWorld,
  type Node,
  type NodeOptions,
  replaying,
} from '../fixtures/bundle-world.js';
import type { FakeClock } from '../fixtures/fake-clock.js';
import type { TestRepository } from '../fixtures/repository.js';
import { compileBundleBytes } from './compile-bundle.js';
import type { BundleCompiler } from './compiler.js';

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

describe('anything wrong leaves the release in force as it is', () => {
  /** A node with release 1 in force while release 2 is on the channel. */
  async function withRelease2(options: NodeOptions = {}): Promise<Node> {
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

  test.each<[string, Partial<ReleasePointer>]>([
    ['to wait for others', { activation: { min_acks: 0.5 } }],
    [
      'to try a candidate',
      {
        candidate: {
          target: `bundles/${'a'.repeat(64)}.tar.gz`,
          sha256: 'a'.repeat(64),
          policy_version: '3.0.0',
          mode: 'canary',
        },
      },
    ],
  ])('a release that asks for what is not done: %s', async (_name, change) => {
    await repository.release({ version: '1.0.0', allow: ['read'] });
    const subject = node();
    await subject.client.sync(signal);
    await repository.release({ version: '2.0.0', allow: ['write'], change });
    await expectRefused(subject, 'release');
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
