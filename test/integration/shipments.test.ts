/** Shipments over a real NATS server: the contract, and what JetStream does to those who trust it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { type NatsChannel, openNatsChannel } from '@portcullis/runtime/channel';
import { shipmentContract } from '@portcullis/runtime/shipment-contract';
import { connect, headers, type NatsConnection } from 'nats';
import { eventually } from '../support/eventually.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';

const log = createLogger({ component: 'test', level: 'silent' });
const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');
let server: NatsServer;
let sending: NatsChannel;
let receiving: NatsChannel;
let stranger: NatsConnection;
let prefixes = 0;
let prefix = '';
let ids = 0;

beforeAll(async () => {
  server = await startNatsServer();
}, 60_000);
afterAll(() => server?.close());
beforeEach(async () => {
  prefixes += 1;
  prefix = `test${prefixes}`;
  const options = { servers: [server.url], bucketPrefix: prefix, log };
  sending = await openNatsChannel({ ...options, role: 'reader' });
  receiving = await openNatsChannel({ ...options, role: 'writer' });
  stranger = await connect({ servers: [server.url], reconnectTimeWait: 100 });
});
afterEach(async () => {
  await sending.close();
  await receiving.close();
  // A stream has its room reserved.
  const manager = await stranger.jetstreamManager();
  await manager.streams.delete(`${prefix}-shipments`).catch(() => undefined);
  await stranger.close();
}, 20_000);

const newId = (): string => {
  ids += 1;
  return `id-${ids}`;
};

/** Ships until something answers; what it said. */
async function ship(content: string, within = 15_000): Promise<string> {
  return eventually(
    `an answer to ${content}`,
    async () => {
      let answer: string | undefined;
      const accept = (bytes: Uint8Array): boolean => {
        const said = Buffer.from(bytes).toString('utf8');
        if (!said.startsWith('answer')) return false;
        answer = said;
        return true;
      };
      await sending.sender?.ship(
        { lane: 'lane1', id: newId(), bytes: text(content) },
        accept,
        AbortSignal.timeout(1_500),
      );
      return answer;
    },
    within,
    50,
  );
}

/** Serves; every arrival is noted. */
function serve(): { readonly arrived: string[]; stop(): Promise<void> } {
  const arrived: string[] = [];
  const stop = new AbortController();
  const served = receiving.receiver?.serve(async ({ bytes }) => {
    const content = Buffer.from(bytes).toString('utf8');
    arrived.push(content);
    return text(`answer to ${content}`);
  }, stop.signal);
  return {
    arrived,
    stop: async () => {
      stop.abort();
      await served;
    },
  };
}

describe('shipments over NATS keep the contract:', () => {
  test.each(shipmentContract)(
    '$name',
    async ({ check }) => {
      const pair = { sender: sending.sender, receiver: receiving.receiver };
      if (pair.sender === undefined || pair.receiver === undefined) throw new Error('no shipments');
      await expect(check({ sender: pair.sender, receiver: pair.receiver })).resolves.toBeUndefined();
    },
    60_000,
  );
});

describe('over NATS', () => {
  test('one attempt that is published twice arrives once', async () => {
    const serving = serve();
    await ship('warm');
    const again = headers();
    again.set('Nats-Msg-Id', 'the-same');
    for (let sent = 0; sent < 3; sent += 1) {
      await stranger.jetstream().publish(`${prefix}.shipment.lane9`, text('twice'), { headers: again });
    }
    await ship('after');
    await serving.stop();
    expect(serving.arrived.filter((content) => content === 'twice')).toHaveLength(1);
  }, 30_000);

  test('the stream keeps the newest shipment of a lane and no backlog, and loses it once it was taken in', async () => {
    const first = serve();
    await ship('warm');
    await first.stop();
    for (const content of ['a', 'b', 'c']) {
      await stranger.jetstream().publish(`${prefix}.shipment.lane1`, text(content), { msgID: content });
      await stranger.jetstream().publish(`${prefix}.shipment.lane2`, text(content), { msgID: `2-${content}` });
    }
    const manager = await stranger.jetstreamManager();
    expect((await manager.streams.info(`${prefix}-shipments`)).state.messages).toBe(2);
    const second = serve();
    await eventually('both lanes', () => second.arrived.length === 2);
    expect(second.arrived).toEqual(['c', 'c']);
    await eventually(
      'an empty stream',
      async () => (await manager.streams.info(`${prefix}-shipments`)).state.messages === 0,
    );
    await second.stop();
  }, 30_000);

  test('a forged answer does not end the wait for the right one', async () => {
    const serving = serve();
    await ship('warm');
    const forger = stranger.subscribe(`${prefix}.shipment.*`, {
      callback: (_error, message) => {
        const id = message.headers?.get('Nats-Msg-Id') ?? '';
        stranger.publish(`${prefix}.answer.lane1.${id}`, text('forged'));
      },
    });
    await stranger.flush();
    expect(await ship('x')).toBe('answer to x');
    forger.unsubscribe();
    await serving.stop();
  }, 30_000);

  test.each(['the consumer', 'the stream'])(
    'goes on by itself when %s was deleted',
    async (what) => {
      const serving = serve();
      await ship('before');
      const manager = await stranger.jetstreamManager();
      if (what === 'the stream') await manager.streams.delete(`${prefix}-shipments`);
      else await manager.consumers.delete(`${prefix}-shipments`, 'distributor');
      expect(await ship('after', 20_000)).toBe('answer to after');
      await serving.stop();
    },
    40_000,
  );

  test('goes on by itself when the server was wiped', async () => {
    const serving = serve();
    await ship('before');
    await server.kill();
    await server.start({ wipe: true });
    expect(await ship('after', 20_000)).toBe('answer to after');
    await serving.stop();
  }, 40_000);

  test('what does not carry an id, or is too large, is thrown away', async () => {
    const serving = serve();
    await ship('warm');
    await stranger.jetstream().publish(`${prefix}.shipment.lane1`, text('no id'));
    await stranger.jetstream().publish(`${prefix}.shipment.lane2`, new Uint8Array(1_000_100), { msgID: 'large' });
    const manager = await stranger.jetstreamManager();
    await eventually(
      'an empty stream',
      async () => (await manager.streams.info(`${prefix}-shipments`)).state.messages === 0,
    );
    await serving.stop();
    expect(serving.arrived).toEqual(['warm']);
  }, 30_000);
});
