import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { KILL_SUBJECT, killsRole, metadataKey } from '@portcullis/policy/trust';
import { createLogger, PortcullisError } from '@portcullis/runtime';
import type { ChannelReader } from '@portcullis/runtime/channel';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createTestRepository, ENV, type TestRepository } from '../fixtures/repository.js';
import { createKillSource, requireKillList } from './kill-source.js';
import type { KillState, KillSwitch } from './kill-switch.js';

const log = createLogger({ component: 'test', level: 'silent' });
const never = AbortSignal.any([]);

/** A switch that takes whatever it is offered, and says what that was. */
function takingSwitch(state: Partial<KillState> = {}): KillSwitch & { readonly offered: number[] } {
  const offered: number[] = [];
  return {
    offered,
    stops: () => undefined,
    offer: async (bytes) => {
      offered.push(bytes.length);
      return 'applied';
    },
    holds: () => false,
    epoch: { current: () => 0, onChange: () => () => undefined },
    state: () => ({ seq: 0, lists: [], kills: [], ...state }),
  };
}

let repository: TestRepository;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-kill-'));
  repository = await createTestRepository(createFakeClock().now());
  await repository.release({ version: '1.0.0', allow: ['read'] });
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const sourceOf = (kills: KillSwitch, sources: readonly ChannelReader[] = [repository.channel]) =>
  createKillSource({ env: ENV, kills, sources, pollMs: 1_000_000, log });

describe('a look', () => {
  test('offers what the repository shows, once per timestamp', async () => {
    const kills = takingSwitch();
    const source = sourceOf(kills);
    await source.lookOnce(never);
    await source.lookOnce(never);
    const bytes = repository.objects().get(metadataKey(killsRole(ENV), 1));
    expect(kills.offered).toEqual([bytes?.length]);
    await repository.renew();
    await source.lookOnce(never);
    expect(kills.offered).toHaveLength(2);
  });

  test('is not held up by a source that hangs', async () => {
    const kills = takingSwitch();
    const hanging: ChannelReader = {
      ...repository.channel,
      transport: 'nats',
      get: (_key, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('ended')))),
    };
    const stop = new AbortController();
    const looking = sourceOf(kills, [hanging, repository.channel]).lookOnce(stop.signal);
    while (kills.offered.length === 0) await new Promise(setImmediate);
    stop.abort();
    await looking;
    expect(kills.offered).toHaveLength(1);
  });

  test('passes on a list that the channel does not have', async () => {
    const list = new TextEncoder().encode('a newer list');
    const received: string[] = [];
    const stop = new AbortController();
    const messages = repository.channel.receive(KILL_SUBJECT, stop.signal);
    await sourceOf(takingSwitch({ seq: 7, lists: [list] })).lookOnce(never);
    for await (const message of messages) {
      received.push(new TextDecoder().decode(message));
      stop.abort();
    }
    expect(received).toEqual(['a newer list']);
  });

  test('follows a hint long before the poll is due, and ends with its signal', async () => {
    const kills = takingSwitch();
    const source = sourceOf(kills);
    const stop = new AbortController();
    const running = Promise.all(source.tasks.map((task) => task.run(stop.signal)));
    while (kills.offered.length < 1) await new Promise(setImmediate);
    await repository.renew();
    while (kills.offered.length < 2) {
      source.hint();
      await new Promise(setImmediate);
    }
    stop.abort();
    await running;
    expect(kills.offered.length).toBeGreaterThanOrEqual(2);
  });
});

describe('the looks go on', () => {
  /** Runs the looks at one source, each of which waits to be let go. */
  function stepped() {
    const { channel } = repository;
    let letGo: (() => void) | undefined;
    let looks = 0;
    const source: ChannelReader = {
      ...channel,
      get: async (key, options) => {
        if (key !== metadataKey('timestamp', 0)) return channel.get(key, options);
        looks += 1;
        const bytes = await channel.get(key, options);
        await new Promise<void>((resolve) => {
          letGo = resolve;
        });
        return bytes;
      },
    };
    const kills = takingSwitch();
    const under = sourceOf(kills, [source]);
    const stop = new AbortController();
    const running = Promise.all(under.tasks.map((task) => task.run(stop.signal)));
    const beginning = async (look: number): Promise<void> => {
      while (looks < look) await new Promise(setImmediate);
    };
    return { kills, under, stop, running, beginning, letGo: () => letGo?.() };
  }

  test('with what was hinted at while one had read already', async () => {
    const { kills, under, stop, running, beginning, letGo } = stepped();
    await beginning(1);
    await new Promise(setImmediate);
    await repository.renew();
    under.hint();
    letGo();
    await beginning(2);
    await new Promise(setImmediate);
    letGo();
    while (kills.offered.length < 2) await new Promise(setImmediate);
    stop.abort();
    await running;
    expect(kills.offered).toHaveLength(2);
  });

  test('and leave nothing behind on the signal that will end them', async () => {
    const { under, stop, running, beginning, letGo } = stepped();
    const counts: number[] = [];
    for (let look = 1; look <= 12; look += 1) {
      await beginning(look);
      await new Promise(setImmediate);
      counts.push(getEventListeners(stop.signal, 'abort').length);
      under.hint();
      letGo();
    }
    await beginning(13);
    await new Promise(setImmediate);
    stop.abort();
    letGo();
    await running;
    expect(counts.at(-1)).toBe(counts[0]);
  });
});

describe('a release is not taken', () => {
  const metadata = (): Map<string, Uint8Array> => {
    const found = [...repository.objects()].filter(([key]) => /\d+\.snapshot\.json$/.test(key)).at(-1);
    return new Map([['snapshot', found?.[1] ?? new Uint8Array()]]);
  };

  test('before its kill list', async () => {
    const kills = takingSwitch();
    await requireKillList(ENV, kills)(metadata(), repository.channel, never);
    expect(kills.offered).toHaveLength(1);
  });

  test('when the list is held back', async () => {
    const withheld = { get: async () => undefined };
    await expect(requireKillList(ENV, takingSwitch())(metadata(), withheld, never)).rejects.toMatchObject({
      reason: 'missing',
    });
  });

  test('when another list comes in its place, however well it is signed: that in force, for instance', async () => {
    const kills = takingSwitch();
    const replaying = {
      get: async () =>
        repository
          .objects()
          .get(metadataKey(killsRole(ENV), 1))
          ?.slice(1),
    };
    await expect(requireKillList(ENV, kills)(metadata(), replaying, never)).rejects.toMatchObject({
      reason: 'metadata',
    });
    expect(kills.offered).toEqual([]);
  });

  test('when the snapshot gives no digest, and what comes is older than what it names', async () => {
    const [[name, bytes] = ['', new Uint8Array()]] = metadata();
    const text = new TextDecoder().decode(bytes);
    const document = JSON.parse(text) as { signed: { meta: Record<string, object> } };
    document.signed.meta[`${killsRole(ENV)}.json`] = { version: 7 };
    const undigested = new Map([[name, new TextEncoder().encode(JSON.stringify(document))]]);
    const replaying = { get: async () => repository.objects().get(metadataKey(killsRole(ENV), 1)) };
    await expect(requireKillList(ENV, takingSwitch({ seq: 6 }))(undigested, replaying, never)).rejects.toMatchObject({
      reason: 'missing',
    });
  });

  test('when the list is not what its keys signed', async () => {
    const kills = takingSwitch();
    const refusing: KillSwitch = {
      ...kills,
      offer: async () => {
        throw new PortcullisError('ERR_KILL_REFUSED', 'invalid', 'nobody signed this');
      },
    };
    await expect(requireKillList(ENV, refusing)(metadata(), repository.channel, never)).rejects.toMatchObject({
      reason: 'metadata',
    });
  });

  test('when the snapshot does not know of kill lists', async () => {
    await expect(requireKillList('other', takingSwitch())(metadata(), repository.channel, never)).rejects.toMatchObject(
      {
        reason: 'missing',
      },
    );
  });

  test('but a list that is in force and could not be kept holds up nothing', async () => {
    const kills: KillSwitch = {
      ...takingSwitch(),
      offer: async () => {
        throw new PortcullisError('ERR_KILL_KEEP', 'unavailable', 'the disk is full');
      },
    };
    await expect(requireKillList(ENV, kills)(metadata(), repository.channel, never)).resolves.toBeUndefined();
  });

  test('nor does one that is older than ours', async () => {
    const kills = takingSwitch({ seq: 5 });
    await requireKillList(ENV, kills)(metadata(), repository.channel, never);
    expect(kills.offered).toEqual([]);
  });
});
