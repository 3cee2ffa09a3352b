import { describe, expect, test } from '@jest/globals';
import {
  KILL_SUBJECT,
  type Kill,
  type KillKeyRotation,
  killsRole,
  metadataKey,
  newEd25519Key,
  openKillList,
  openSigningKey,
  parseSnapshot,
  parseTargets,
  type RotatedKills,
  rotateKillKeys,
  signersOf,
  signKillList,
} from '@portcullis/policy/trust';
import { receiveKillsTask } from '../nodes/receive-kills.js';
import {
  createWorld,
  draftKillList,
  draftRelease,
  keysOf,
  publishRelease,
  unwrap,
  type World,
} from '../testing/world.js';

const KILL: Kill = { id: 'k-1', scope: { kind: 'all' }, reason: 'drill', actor: 'ops', at: '2026-01-01T00:00:00Z' };
const never = AbortSignal.any([]);

const onChannel = (world: World, version: number): Promise<Uint8Array | undefined> =>
  world.channel.get(metadataKey(killsRole('dev'), version), { maxBytes: 1_000_000, signal: never });

describe('a kill list', () => {
  test('is current, on the channel and in the snapshot once it was taken', async () => {
    const world = await createWorld();
    const list = draftKillList(world, 2, [KILL]);
    expect(await world.publisher.kill('dev', list)).toEqual({ seq: 2 });
    expect(await onChannel(world, 2)).toEqual(list);
    const snapshot = parseSnapshot(world.publisher.state().snapshot.bytes);
    expect(snapshot.ok && snapshot.value.signed.meta['kills-dev.json']?.version).toBe(2);
  });

  test('may leave numbers out, because PDPs take lists directly', async () => {
    const world = await createWorld();
    await world.publisher.kill('dev', draftKillList(world, 9, [KILL]));
    expect(world.publisher.state().roles.get('kills-dev')?.metadata.signed.version).toBe(9);
  });

  test('changes nothing when it is current already', async () => {
    const world = await createWorld();
    const list = draftKillList(world, 2, [KILL]);
    await world.publisher.kill('dev', list);
    const steps = world.disk.steps();
    expect(await world.publisher.kill('dev', list)).toEqual({ seq: 2 });
    expect(world.disk.steps()).toBe(steps);
  });

  test.each<[string, (world: World) => Uint8Array, string, string]>([
    ['of the current seq and another content', (world) => draftKillList(world, 2, []), 'ERR_KILL_SEQ', 'conflict'],
    ['that is older', (world) => draftKillList(world, 1, []), 'ERR_KILL_SEQ', 'conflict'],
    ['that the releases key signed', (world) => draftKillList(world, 3, [], 'releases'), 'ERR_KILL_REFUSED', 'invalid'],
    ['that is none', () => new TextEncoder().encode('{}'), 'ERR_KILL_REFUSED', 'invalid'],
  ])('one %s is refused', async (_what, list, code, kind) => {
    const world = await createWorld();
    const current = draftKillList(world, 2, [KILL]);
    await world.publisher.kill('dev', current);
    await expect(world.publisher.kill('dev', list(world))).rejects.toMatchObject({ code, kind });
    expect(world.publisher.state().roles.get('kills-dev')?.bytes).toEqual(current);
  });

  test('of an environment that does not exist is refused', async () => {
    const world = await createWorld();
    const list = draftKillList(world, 2, [KILL]);
    await expect(world.publisher.kill('prod', list)).rejects.toMatchObject({ code: 'ERR_KILL_REFUSED' });
  });

  test('is signed by new keys after a rotation: what was stopped stays stopped, and the old keys count no more', async () => {
    const world = await createWorld();
    await world.publisher.kill('dev', draftKillList(world, 2, [KILL]));
    const newKeys = [unwrap(openSigningKey(newEd25519Key()))];
    const rotation = (more: Partial<KillKeyRotation> = {}) =>
      rotateKillKeys({
        targets: world.publisher.state().roles.get('targets')?.bytes ?? new Uint8Array(),
        keys: keysOf(world.trust, 'targets'),
        env: 'dev',
        newKeys,
        threshold: 1,
        seq: 3,
        kills: [KILL],
        now: world.clock.now(),
        targetsLifetimeMs: 86_400_000,
        listLifetimeMs: 86_400_000,
        ...more,
      });
    const upload = ({ targets, list }: RotatedKills) => ({
      env: 'dev',
      channel: 'default',
      roles: new Map([
        ['targets', targets.bytes],
        ['kills-dev', list.bytes],
      ]),
      pointer: undefined,
    });
    const notOwners = upload(unwrap(rotation({ keys: keysOf(world.trust, 'kills') })));
    await expect(world.publisher.publish(notOwners)).rejects.toMatchObject({ code: 'ERR_RELEASE_REFUSED' });
    const [only] = upload(unwrap(rotation())).roles;
    const alone = { ...notOwners, roles: new Map(only === undefined ? [] : [only]) };
    await expect(world.publisher.publish(alone)).rejects.toMatchObject({ code: 'ERR_RELEASE_REFUSED' });

    await world.publisher.publish(upload(unwrap(rotation())));
    const current = world.publisher.state().roles;
    const targets = unwrap(parseTargets(current.get('targets')?.bytes ?? new Uint8Array()));
    const list = unwrap(openKillList(current.get('kills-dev')?.bytes ?? new Uint8Array(), targets, 'dev'));
    expect(list).toMatchObject({ seq: 3, kills: [KILL] });
    expect(signersOf(targets, 'releases-dev').keyIds).toEqual(keysOf(world.trust, 'releases').map((key) => key.keyId));
    await expect(world.publisher.kill('dev', draftKillList(world, 9, []))).rejects.toMatchObject({
      code: 'ERR_KILL_REFUSED',
    });
    const next = signKillList({ ...list, seq: 4, keys: newKeys, now: world.clock.now(), lifetimeMs: 86_400_000 });
    expect(await world.publisher.kill('dev', unwrap(next).bytes)).toEqual({ seq: 4 });

    expect(rotation({ threshold: 2 })).toMatchObject({ ok: false, problems: [{ code: 'ERR_TRUST_SIGNATURE' }] });
    expect(rotation({ env: 'prod' })).toMatchObject({ ok: false, problems: [{ code: 'ERR_TRUST_ENV' }] });
  });

  test('cannot be smuggled in with a release, unless PDPs can read it', async () => {
    const world = await createWorld();
    await publishRelease(world, 1);
    const { upload } = draftRelease(world, 2);
    // Signed by the right keys, of the right version, and no kill list.
    const broken = draftKillList(world, 2, [KILL]);
    const text = new TextDecoder().decode(broken).replace('"env":"dev"', '"env":"xyz"');
    const roles = new Map([...upload.roles, ['kills-dev', new TextEncoder().encode(text)] as const]);
    await expect(world.publisher.publish({ ...upload, roles })).rejects.toMatchObject({ code: 'ERR_RELEASE_REFUSED' });
  });

  test('of a PDP is taken when it verifies, and whatever else comes is not', async () => {
    const world = await createWorld();
    const stop = new AbortController();
    const running = receiveKillsTask(world.channel, world.publisher, world.log).run(stop.signal);
    const list = draftKillList(world, 5, [KILL]);
    for (const message of [new Uint8Array(), draftKillList(world, 6, [], 'aborts'), list, list]) {
      await world.channel.send(KILL_SUBJECT, message, never);
    }
    while (world.publisher.state().roles.get('kills-dev')?.metadata.signed.version !== 5) {
      await new Promise(setImmediate);
    }
    expect(await onChannel(world, 5)).toEqual(list);
    stop.abort();
    await running;
  });
});
