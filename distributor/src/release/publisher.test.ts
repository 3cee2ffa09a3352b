import { describe, expect, test } from '@jest/globals';
import {
  BUNDLE_PATH,
  createTrust,
  encodeReleasePointer,
  hashesOf,
  type KeyRole,
  MAX_METADATA_BYTES,
  parseTimestamp,
  rotateRoot,
  type SigningKey,
  signTargets,
  type Trust,
} from '@portcullis/policy/trust';
import {
  createWorld,
  type Draft,
  draftAbort,
  draftRelease,
  keysOf,
  openWorld,
  publishRelease,
  textBundle,
  unwrap,
  type World,
} from '../testing/world.js';

const DAY = 86_400_000;
const refusedWith = (code: string, kind = 'ERR_RELEASE_REFUSED') => ({
  code: kind,
  details: { problems: expect.arrayContaining([expect.objectContaining({ code })]) },
});

/** Hands out the keys of a world again, in the order in which they were made. */
function replay(world: World): () => string {
  const pems = world.trust.keys.map((key) => key.pem);
  return () => pems.shift() ?? '';
}

async function attempt(world: World, seq: number, draft: Draft): Promise<unknown> {
  const { upload, sha256 } = draftRelease(world, seq, draft);
  await world.incoming.put(sha256, draft.bundle ?? textBundle(draft.version ?? `1.0.${seq}`));
  return world.publisher.publish(upload);
}

describe('publish', () => {
  test('answers with the numbers a client will see, and the same upload again changes nothing', async () => {
    const world = await createWorld();
    const { upload, sha256 } = draftRelease(world, 1);
    await world.incoming.put(sha256, textBundle('1.0.1'));
    const first = await world.publisher.publish(upload);
    expect(first.seq).toBe(1);
    const steps = world.disk.steps();
    expect(await world.publisher.publish(upload)).toEqual(first);
    expect(world.disk.steps()).toBe(steps);
    expect(await world.incoming.get(sha256)).toBeUndefined();
  });

  test.each<[string, string, Draft]>([
    ['a pointer of a seq that was used', 'ERR_RELEASE_SEQ', { pointer: { seq: 1 } }],
    [
      'a release that has ended',
      'ERR_RELEASE_EXPIRED',
      { pointer: { issued_at: '2020-01-01T00:00:00Z', not_after: '2020-02-01T00:00:00Z' } },
    ],
    [
      'a release from the future',
      'ERR_RELEASE_CLOCK',
      { pointer: { issued_at: '2999-01-01T00:00:00Z', not_after: '2999-02-01T00:00:00Z' } },
    ],
    ['a bundle that targets does not name', 'ERR_RELEASE_BUNDLE', { keepTargets: true }],
    [
      'another policy version than targets states',
      'ERR_RELEASE_BUNDLE',
      {
        pointer: {
          stable: {
            target: BUNDLE_PATH(hashesOf(textBundle('1.0.2')).sha256),
            sha256: hashesOf(textBundle('1.0.2')).sha256,
            policy_version: '9',
          },
        },
      },
    ],
    [
      'a release that PDPs would have to wait for',
      'ERR_RELEASE_UNSUPPORTED',
      { pointer: { activation: { min_acks: 0.9 } } },
    ],
    [
      'a release with a candidate',
      'ERR_RELEASE_UNSUPPORTED',
      {
        pointer: {
          candidate: {
            target: BUNDLE_PATH(hashesOf(textBundle('1.0.2')).sha256),
            sha256: hashesOf(textBundle('1.0.2')).sha256,
            policy_version: '1.0.2',
            mode: 'canary',
          },
        },
      },
    ],
    ['a rollback to a bundle that is new', 'ERR_RELEASE_ROLLBACK', { pointer: { rollback_of: 1 } }],
    ['a bundle that does not compile', 'ERR_BUNDLE_BROKEN', { bundle: new TextEncoder().encode('garbage') }],
    ['a bundle of another version than was signed', 'ERR_BUNDLE_VERSION', { bundle: textBundle('7') }],
    [
      'a target that is no bundle',
      'ERR_BUNDLE_TARGET',
      { targetChanges: [{ path: 'bundles/latest.tar.gz', bytes: textBundle('1.0.2') }] },
    ],
    [
      'a target under the path of releases',
      'ERR_BUNDLE_TARGET',
      { targetChanges: [{ path: 'releases/dev/default.json', bytes: textBundle('1.0.2') }] },
    ],
  ])('refuses %s', async (_name, code, draft) => {
    const world = await createWorld();
    await publishRelease(world, 1);
    const kind = code === 'ERR_RELEASE_SEQ' ? 'ERR_RELEASE_CONFLICT' : 'ERR_RELEASE_REFUSED';
    const before = world.publisher.state();
    await expect(attempt(world, 2, draft)).rejects.toMatchObject(refusedWith(code, kind));
    expect(world.publisher.state()).toBe(before);
  });

  test('refuses a bundle that was not uploaded, and says what to do', async () => {
    const world = await createWorld();
    const { upload, sha256 } = draftRelease(world, 1);
    await expect(world.publisher.publish(upload)).rejects.toMatchObject({
      ...refusedWith('ERR_BUNDLE_MISSING'),
      message: expect.stringContaining(`PUT /v1/bundles/${sha256}`),
    });
  });

  test('refuses bundle bytes that are not the signed ones, even under the right name', async () => {
    const world = await createWorld();
    const { upload, sha256 } = draftRelease(world, 1);
    world.disk.files.set(`/data/incoming/${sha256}.tar.gz`, textBundle('evil'));
    await expect(world.publisher.publish(upload)).rejects.toMatchObject(refusedWith('ERR_BUNDLE_MISSING'));
  });

  test('refuses a pointer whose bytes are not the signed ones', async () => {
    const world = await createWorld();
    const { upload, pointer, sha256 } = draftRelease(world, 1);
    await world.incoming.put(sha256, textBundle('1.0.1'));
    const forged = { ...upload, pointer: encodeReleasePointer({ ...pointer, actor: 'mallory' }) };
    await expect(world.publisher.publish(forged)).rejects.toMatchObject(refusedWith('ERR_RELEASE_DIGEST'));
    await expect(world.publisher.publish({ ...upload, pointer: undefined })).rejects.toMatchObject(
      refusedWith('ERR_RELEASE_TARGET'),
    );
    await expect(world.publisher.publish({ ...upload, channel: 'beta' })).rejects.toMatchObject(
      refusedWith('ERR_RELEASE_TARGET'),
    );
  });

  test('refuses an upload that changes another channel besides', async () => {
    const world = await createWorld();
    const { upload, pointer, sha256 } = draftRelease(world, 1);
    await world.incoming.put(sha256, textBundle('1.0.1'));
    const signed = unwrap(
      signTargets({
        current: world.publisher.state().roles.get('releases-dev')?.bytes ?? new Uint8Array(),
        keys: keysOf(world.trust, 'releases'),
        now: world.clock.now(),
        lifetimeMs: DAY,
        changes: [
          { path: 'releases/dev/default.json', bytes: encodeReleasePointer(pointer) },
          { path: 'releases/dev/beta.json', bytes: encodeReleasePointer({ ...pointer, channel: 'beta' }) },
        ],
      }),
    );
    const roles = new Map([...upload.roles, ['releases-dev', signed.bytes]]);
    await expect(world.publisher.publish({ ...upload, roles })).rejects.toMatchObject({
      details: { problems: [{ code: 'ERR_RELEASE_TARGET', path: 'releases/dev/beta.json' }] },
    });
  });

  test('refuses roles that are none of this environment', async () => {
    const world = await createWorld({ trust: { env: ['dev', 'prod'] } });
    const { upload, sha256 } = draftRelease(world, 1);
    await world.incoming.put(sha256, textBundle('1.0.1'));
    for (const role of ['root', 'snapshot', 'timestamp', 'releases-prod', '__proto__']) {
      const roles = new Map([...upload.roles, [role, new Uint8Array()]]);
      await expect(world.publisher.publish({ ...upload, roles })).rejects.toMatchObject(
        refusedWith('ERR_RELEASE_ROLE'),
      );
    }
    await expect(world.publisher.publish({ ...upload, env: 'prod' })).rejects.toMatchObject(
      refusedWith('ERR_RELEASE_ROLE'),
    );
  });

  test('refuses oversized and garbage metadata without throwing anything else', async () => {
    const world = await createWorld();
    const { upload } = draftRelease(world, 1);
    for (const bytes of [
      new Uint8Array(MAX_METADATA_BYTES.targets + 1),
      new Uint8Array(),
      new TextEncoder().encode('{}'),
      new TextEncoder().encode('[]'),
    ]) {
      const roles = new Map([...upload.roles, ['targets', bytes]]);
      await expect(world.publisher.publish({ ...upload, roles })).rejects.toMatchObject(
        refusedWith('ERR_TRUST_METADATA'),
      );
    }
  });

  test('takes one of two publishers and tells the other one to sign again', async () => {
    const world = await createWorld();
    const mine = draftRelease(world, 1, { version: 'mine' });
    const theirs = draftRelease(world, 1, { version: 'theirs' });
    await world.incoming.put(mine.sha256, textBundle('mine'));
    await world.incoming.put(theirs.sha256, textBundle('theirs'));
    const outcomes = await Promise.allSettled([
      world.publisher.publish(mine.upload),
      world.publisher.publish(theirs.upload),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected']);
    expect(outcomes[1]).toMatchObject({ reason: { kind: 'conflict' } });
  });

  test.each<[string, (world: World) => Draft]>([
    ['one of two policy owners', (world) => ({ targetKeys: keysOf(world.trust, 'targets').slice(0, 1) })],
    [
      'the same owner twice',
      (world) => ({
        targetKeys: [keysOf(world.trust, 'targets')[0], keysOf(world.trust, 'targets')[0]] as SigningKey[],
      }),
    ],
    ['a release manager in place of the owners', (world) => ({ targetKeys: keysOf(world.trust, 'releases') })],
    [
      'the distributor itself',
      (world) => ({ targetKeys: [...keysOf(world.trust, 'snapshot'), ...keysOf(world.trust, 'timestamp')] }),
    ],
    [
      'the distributor itself, releases only',
      (world) => ({ releaseKeys: [...keysOf(world.trust, 'snapshot'), ...keysOf(world.trust, 'timestamp')] }),
    ],
    ['nobody', () => ({ releaseKeys: [] })],
  ])('with a team, refuses what is signed by %s', async (_name, draftOf) => {
    const world = await createWorld({ trust: { profile: 'team' } });
    await expect(attempt(world, 1, draftOf(world))).rejects.toMatchObject(refusedWith('ERR_TRUST_SIGNATURE'));
  });

  test('refuses metadata that has expired, and a version that skips one', async () => {
    const world = await createWorld();
    const not_after = new Date(world.clock.now() + 30 * DAY).toISOString();
    const { upload, sha256 } = draftRelease(world, 1, { pointer: { not_after } });
    await world.incoming.put(sha256, textBundle('1.0.1'));
    const late = await openWorld(world);
    late.clock.set(world.clock.now() + 2 * DAY);
    await expect(late.publisher.publish(upload)).rejects.toMatchObject(refusedWith('ERR_RELEASE_EXPIRED'));
    world.clock.set(world.clock.now() - 2 * DAY);
    const skip = unwrap(
      signTargets({
        current: upload.roles.get('targets') ?? new Uint8Array(),
        keys: keysOf(world.trust, 'targets'),
        now: world.clock.now(),
        lifetimeMs: DAY,
        changes: [],
      }),
    );
    const roles = new Map([...upload.roles, ['targets', skip.bytes]]);
    await expect(late.publisher.publish({ ...upload, roles })).rejects.toMatchObject(
      refusedWith('ERR_RELEASE_VERSION', 'ERR_RELEASE_CONFLICT'),
    );
  });

  test('refuses targets that takes an environment away from its releases role', async () => {
    const world = await createWorld();
    const stranger = unwrap(createTrust({ profile: 'dev', env: 'other', now: world.clock.now() }));
    const current = stranger.files.get('targets.json') ?? new Uint8Array();
    const forged = unwrap(
      signTargets({
        current,
        keys: keysOf(world.trust, 'targets'),
        now: world.clock.now(),
        lifetimeMs: DAY,
        changes: [],
      }),
    );
    const upload = { env: 'dev', channel: 'default', roles: new Map([['targets', forged.bytes]]), pointer: undefined };
    await expect(world.publisher.publish(upload)).rejects.toMatchObject(refusedWith('ERR_RELEASE_ROLE'));
  });
});

describe('without a pointer', () => {
  test('a new environment comes with the first metadata of its three roles, and not without', async () => {
    const world = await createWorld();
    const wider = unwrap(
      createTrust({ profile: 'dev', env: ['dev', 'prod'], now: world.clock.now(), newKey: replay(world) }),
    );
    const bytesOf = (name: string): Uint8Array => wider.files.get(name) ?? new Uint8Array();
    const now = world.clock.now();
    const targets = unwrap(
      signTargets({
        current: bytesOf('targets.json'),
        keys: keysOf(world.trust, 'targets'),
        now,
        lifetimeMs: DAY,
        changes: [],
      }),
    );
    const roles = new Map([['targets', targets.bytes]]);
    const upload = { env: 'prod', channel: 'default', roles, pointer: undefined };
    await expect(world.publisher.publish(upload)).rejects.toMatchObject(refusedWith('ERR_RELEASE_ROLE'));
    for (const role of ['releases-prod', 'aborts-prod', 'kills-prod']) roles.set(role, bytesOf(`${role}.json`));
    await expect(world.publisher.publish(upload)).resolves.toMatchObject({ seq: 0, snapshot_version: 3 });
    expect([...world.publisher.state().roles.keys()]).toContain('releases-prod');
    await expect(publishRelease(world, 1)).resolves.toMatchObject({ seq: 1 });
  });

  test('releases can be signed anew before they expire, the pointer staying as it is', async () => {
    const world = await createWorld();
    await publishRelease(world, 1);
    const current = world.publisher.state().roles.get('releases-dev')?.bytes ?? new Uint8Array();
    const signing = { current, keys: keysOf(world.trust, 'releases'), now: world.clock.now(), lifetimeMs: DAY };
    const renewed = unwrap(signTargets({ ...signing, changes: [] }));
    const emptied = unwrap(
      signTargets({ ...signing, changes: [{ path: 'releases/dev/default.json', bytes: undefined }] }),
    );
    const upload = (bytes: Uint8Array) => ({
      env: 'dev',
      channel: 'default',
      roles: new Map([['releases-dev', bytes]]),
      pointer: undefined,
    });
    await expect(world.publisher.publish(upload(emptied.bytes))).rejects.toMatchObject(
      refusedWith('ERR_RELEASE_TARGET'),
    );
    await expect(world.publisher.publish(upload(renewed.bytes))).resolves.toMatchObject({ seq: 1 });
  });
});

describe('abort', () => {
  const secondRelease = async (world: World) => {
    const one = await publishRelease(world, 1);
    return publishRelease(world, 2, { pointer: { stable: one.stable } });
  };

  test('repeats the stable bundle; the next release needs a higher seq than the abort', async () => {
    const world = await createWorld();
    const release = await secondRelease(world);
    await expect(world.publisher.publish(draftAbort(world, release))).resolves.toMatchObject({ seq: 3 });
    await expect(attempt(world, 3, {})).rejects.toMatchObject(refusedWith('ERR_RELEASE_SEQ', 'ERR_RELEASE_CONFLICT'));
    await expect(attempt(world, 4, {})).resolves.toMatchObject({ seq: 4 });
    const history = await world.repository.history({ env: 'dev', channel: 'default', seq: 4 });
    expect(history.map((pointer) => pointer.seq)).toEqual([4, 3, 2, 1]);
  });

  test('refuses an abort of a release that is no longer the current one', async () => {
    const world = await createWorld();
    const release = await secondRelease(world);
    const late = draftAbort(world, release);
    await publishRelease(world, 3);
    await expect(world.publisher.publish(late)).rejects.toMatchObject({ code: 'ERR_RELEASE_REFUSED' });
  });

  test('refuses an abort where there is no release', async () => {
    const world = await createWorld();
    const { pointer } = draftRelease(world, 1);
    await expect(world.publisher.publish(draftAbort(world, pointer))).rejects.toMatchObject(
      refusedWith('ERR_RELEASE_ABORT'),
    );
  });
});

describe('renew', () => {
  const version = (world: World): number =>
    unwrap(parseTimestamp(world.publisher.state().timestamp.bytes)).signed.version;

  test('signs the next timestamp and leaves the snapshot until half of its life is over', async () => {
    const world = await createWorld();
    const { snapshot } = world.publisher.state();
    const before = version(world);
    await world.publisher.renew();
    expect(version(world)).toBe(before + 1);
    expect(world.publisher.state().snapshot).toEqual(snapshot);
    world.clock.set(world.clock.now() + 4 * DAY);
    await world.publisher.renew();
    expect(world.publisher.state().snapshot.metadata.signed.version).toBe(snapshot.metadata.signed.version + 1);
  });

  test('refuses while the clock is behind the last timestamp, and says that it is out of service when that expires', async () => {
    const world = await createWorld();
    const now = world.clock.now();
    const before = version(world);
    world.clock.set(now - 1);
    await expect(world.publisher.renew()).rejects.toMatchObject({ code: 'ERR_TRUST_CLOCK', kind: 'unavailable' });
    expect(version(world)).toBe(before);
    world.clock.set(now + 60_000);
    expect(world.publisher.health()).toBe('the timestamp has expired');
    await world.publisher.renew();
    expect(world.publisher.health()).toBe(true);
  });
});

describe('rotate', () => {
  const rotated = (
    world: World,
    changes: Parameters<typeof rotateRoot>[0]['changes'],
    signers: readonly SigningKey[] = [],
  ) =>
    unwrap(
      rotateRoot({
        current: world.publisher.state().roots.at(-1)?.bytes ?? new Uint8Array(),
        keys: [...keysOf(world.trust, 'root'), ...signers],
        now: world.clock.now(),
        lifetimeMs: DAY,
        changes,
      }),
    ).bytes;

  test('takes a root that admits new online keys once they are in the keys folder', async () => {
    const world = await createWorld();
    await publishRelease(world, 1);
    const other = unwrap(createTrust({ profile: 'dev', env: 'dev', now: world.clock.now() }));
    const root = rotated(world, [
      { role: 'timestamp', keys: keysOf(other, 'timestamp'), threshold: 1 },
      { role: 'snapshot', keys: keysOf(other, 'snapshot'), threshold: 1 },
    ]);
    await expect(world.publisher.rotate(root)).rejects.toMatchObject({ code: 'ERR_TRUST_KEY' });
    for (const role of ['timestamp', 'snapshot']) {
      const pem = other.keys.find((key) => key.role === role)?.pem ?? '';
      world.disk.files.set(`/keys/distributor/${role}-2.pem`, new TextEncoder().encode(pem));
    }
    await expect(world.publisher.rotate(root)).resolves.toEqual({ root_version: 2 });
    await expect(world.publisher.rotate(root)).resolves.toEqual({ root_version: 2 });
    await world.publisher.renew();
    await expect(publishRelease(await openWorld(world), 2)).resolves.toMatchObject({ seq: 2 });
  });

  /** The keys of `other` in the place of the world's own, as an operator who is too quick leaves the folder. */
  const replaceKeys = (world: World, other: Trust, roles: readonly KeyRole[]): void => {
    for (const path of world.disk.files.keys())
      if (path.startsWith('/keys/distributor/')) world.disk.files.delete(path);
    for (const { role, pem } of other.keys.filter((key) => roles.includes(key.role))) {
      world.disk.files.set(`/keys/distributor/${role}.pem`, new TextEncoder().encode(pem));
    }
  };

  const admitting = (world: World, other: Trust): Uint8Array =>
    rotated(
      world,
      (['timestamp', 'snapshot'] as const).map((role) => ({ role, keys: keysOf(other, role), threshold: 1 })),
    );

  test('a root that is refused for want of a key leaves the keys that sign now', async () => {
    const world = await createWorld();
    const other = unwrap(createTrust({ profile: 'dev', env: 'dev', now: world.clock.now() }));
    const root = admitting(world, other);
    replaceKeys(world, other, ['timestamp']);
    await expect(world.publisher.rotate(root)).rejects.toMatchObject({ code: 'ERR_TRUST_KEY' });
    await world.publisher.renew();
    await expect(publishRelease(world, 1)).resolves.toMatchObject({ seq: 1 });
    replaceKeys(world, other, ['timestamp', 'snapshot']);
    await expect(world.publisher.rotate(root)).resolves.toEqual({ root_version: 2 });
    await world.publisher.renew();
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    'a disk that fails at step %i of a rotation leaves keys for whichever root it kept',
    async (step) => {
      const world = await createWorld();
      const other = unwrap(createTrust({ profile: 'dev', env: 'dev', now: world.clock.now() }));
      const root = admitting(world, other);
      replaceKeys(world, other, ['timestamp', 'snapshot']);
      world.disk.failAfter(step);
      await expect(world.publisher.rotate(root)).rejects.toMatchObject({ code: 'ERR_REPOSITORY_WRITE' });
      world.disk.heal();
      await world.publisher.renew();
      await expect(world.publisher.rotate(root)).resolves.toEqual({ root_version: 2 });
      await world.publisher.renew();
      await expect(publishRelease(await openWorld(world), 1)).resolves.toMatchObject({ seq: 1 });
    },
  );

  test('refuses a root of strangers, one that strands targets, and one that skips a version', async () => {
    const world = await createWorld();
    const stranger = await createWorld();
    await expect(world.publisher.rotate(rotated(stranger, []))).rejects.toMatchObject(
      refusedWith('ERR_TRUST_SIGNATURE'),
    );
    const stranding = rotated(world, [{ role: 'targets', keys: keysOf(stranger.trust, 'targets'), threshold: 1 }]);
    await expect(world.publisher.rotate(stranding)).rejects.toMatchObject(refusedWith('ERR_TRUST_SIGNATURE'));
    const two = rotated(world, []);
    const three = unwrap(
      rotateRoot({
        current: two,
        keys: keysOf(world.trust, 'root'),
        now: world.clock.now(),
        lifetimeMs: DAY,
        changes: [],
      }),
    );
    await expect(world.publisher.rotate(three.bytes)).rejects.toMatchObject(refusedWith('ERR_TRUST_VERSION'));
    expect(world.publisher.state().roots).toHaveLength(1);
  });
});
