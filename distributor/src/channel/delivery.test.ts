import { describe, expect, test } from '@jest/globals';
import { PortcullisError } from '@portcullis/runtime';
import { createInProcessChannel } from '@portcullis/runtime/channel';
import { createWorld, publishRelease } from '../testing/world.js';
import type { Transport } from './delivery.js';

interface FakeTransport extends Transport {
  put: Transport['put'];
  readonly objects: Map<string, Uint8Array>;
  readonly log: string[];
  down: boolean;
}

function fakeTransport(): FakeTransport {
  const inner = createInProcessChannel();
  const objects = new Map<string, Uint8Array>();
  const log: string[] = [];
  const fake: FakeTransport = {
    ...inner,
    transport: 'nats',
    objects,
    log,
    down: false,
    async get(key) {
      if (fake.down) throw new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'unavailable', 'down');
      return objects.get(key);
    },
    async put(key, bytes) {
      if (fake.down) throw new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'unavailable', 'down');
      log.push(key);
      objects.set(key, bytes);
    },
    async hint() {
      log.push('hint');
    },
  };
  return fake;
}

describe('delivery', () => {
  test('puts targets, then roles, then snapshot, then timestamp, then hints; and nothing twice', async () => {
    const nats = fakeTransport();
    const world = await createWorld({ transports: [nats] });
    nats.log.length = 0;
    const pointer = await publishRelease(world, 1);
    expect(nats.log.map((key) => key.replaceAll(/[0-9a-f]{64}/g, '<sha>'))).toEqual([
      'targets/bundles/<sha>.<sha>.tar.gz',
      'targets/releases/dev/<sha>.default.json',
      'metadata/2.targets.json',
      'metadata/2.releases-dev.json',
      'metadata/3.snapshot.json',
      'metadata/timestamp.json',
      'hint',
    ]);
    nats.log.length = 0;
    await world.publisher.renew();
    expect(nats.log).toEqual(['metadata/timestamp.json']);
    expect(nats.objects.has(`targets/bundles/${pointer.stable.sha256}.${pointer.stable.sha256}.tar.gz`)).toBe(true);
  });

  test('a channel that is down does not hold a release up, and gets it when it is back', async () => {
    const nats = fakeTransport();
    const world = await createWorld({ transports: [nats] });
    nats.down = true;
    await publishRelease(world, 1);
    expect(world.publisher.state().roles.get('targets')?.metadata.signed.version).toBe(2);
    await world.delivery.reconcile(false);
    nats.down = false;
    await world.delivery.reconcile(false);
    expect(nats.log.at(-1)).toBe('hint');
    expect(nats.objects.get('metadata/timestamp.json')).toEqual(world.publisher.state().timestamp.bytes);
    expect(nats.objects.has('metadata/2.releases-dev.json')).toBe(true);
  });

  test('a channel that hangs gets the newest state once it answers, not every one in between', async () => {
    const nats = fakeTransport();
    const world = await createWorld({ transports: [nats] });
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { put } = nats;
    nats.put = async (...call) => {
      await gate;
      return put(...call);
    };
    nats.log.length = 0;
    await publishRelease(world, 1);
    for (let n = 0; n < 5; n += 1) await world.publisher.renew();
    open();
    await world.delivery.reconcile(false);
    expect(nats.log.filter((key) => key === 'metadata/timestamp.json')).toHaveLength(2);
    expect(nats.objects.get('metadata/timestamp.json')).toEqual(world.publisher.state().timestamp.bytes);
    expect(nats.log).toContain('hint');
  });

  test.each(['wiped', 'set back', 'flooded'])('a channel that was %s is filled anew', async (how) => {
    const nats = fakeTransport();
    const world = await createWorld({ transports: [nats] });
    await publishRelease(world, 1);
    const old = new Map(nats.objects);
    await publishRelease(world, 2);
    const due = new Map(nats.objects);
    if (how === 'flooded') nats.objects.set('metadata/timestamp.json', new Uint8Array(1_000_000));
    else nats.objects.clear();
    if (how === 'set back') for (const [key, bytes] of old) nats.objects.set(key, bytes);
    await world.delivery.reconcile(false);
    for (const [key, bytes] of nats.objects) expect([key, bytes]).toEqual([key, due.get(key)]);
    expect(nats.objects.has('metadata/3.releases-dev.json')).toBe(true);
  });

  test.each(['wiped', 'set back'])('a new timestamp does not hide that a channel was %s', async (how) => {
    const nats = fakeTransport();
    const world = await createWorld({ transports: [nats] });
    await publishRelease(world, 1);
    const old = new Map(nats.objects);
    const { stable } = await publishRelease(world, 2);
    nats.objects.clear();
    if (how === 'set back') for (const [key, bytes] of old) nats.objects.set(key, bytes);
    // Puts a timestamp before anybody has looked whether the rest is still there.
    await world.publisher.renew();
    const { snapshot, roles, timestamp } = world.publisher.state();
    expect(nats.objects.get('metadata/timestamp.json')).toEqual(timestamp.bytes);
    expect(nats.objects.get(`metadata/${snapshot.metadata.signed.version}.snapshot.json`)).toEqual(snapshot.bytes);
    expect(nats.objects.get('metadata/3.targets.json')).toEqual(roles.get('targets')?.bytes);
    expect(nats.objects.get('metadata/3.releases-dev.json')).toEqual(roles.get('releases-dev')?.bytes);
    expect(nats.objects.has(`targets/bundles/${stable.sha256}.${stable.sha256}.tar.gz`)).toBe(true);
  });

  test('a store that cannot even be asked any more is filled anew', async () => {
    const nats = fakeTransport();
    const world = await createWorld({ transports: [nats] });
    await publishRelease(world, 1);
    nats.objects.clear();
    const { get } = nats;
    // What NATS says of a bucket that is gone; the first put makes it again.
    nats.get = async (key, options) => {
      if (nats.objects.size === 0)
        throw new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'unavailable', 'no such stream');
      return get(key, options);
    };
    await world.delivery.reconcile(false);
    expect(nats.objects.get('metadata/timestamp.json')).toEqual(world.publisher.state().timestamp.bytes);
    expect(nats.objects.has('metadata/2.releases-dev.json')).toBe(true);
    expect(nats.log.at(-1)).toBe('hint');
  });

  test('a deep look finds one lost or changed object; an undamaged channel is left alone', async () => {
    const nats = fakeTransport();
    const world = await createWorld({ transports: [nats] });
    const { stable } = await publishRelease(world, 1);
    const key = `targets/bundles/${stable.sha256}.${stable.sha256}.tar.gz`;
    nats.log.length = 0;
    await world.delivery.reconcile(true);
    expect(nats.log).toEqual([]);
    for (const damage of [() => nats.objects.delete(key), () => nats.objects.set(key, new Uint8Array([1]))]) {
      damage();
      await world.delivery.reconcile(true);
      expect(new TextDecoder().decode(nats.objects.get(key))).toBe('policy 1.0.1');
    }
  });
});
