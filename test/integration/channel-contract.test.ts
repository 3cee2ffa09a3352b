/**
 * What PDPs and distributors rely on when they speak of "the channel", held against the real things: a nats-server, and
 * the distributor's own HTTPS server under mutual TLS.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, initTrust, type LeafIdentity, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { composeDistributor, distributorConfig } from '@portcullis/distributor';
import { encodeNodeStatus, NODE_STATUS_SUBJECT, type NodeStatus } from '@portcullis/policy/trust';
import {
  createLogger,
  createServiceContext,
  openTlsMaterial,
  type Service,
  type TlsMaterial,
  undiciDispatcher,
} from '@portcullis/runtime';
import {
  type ChannelReader,
  createHttpChannelReader,
  createInProcessChannel,
  type InProcessChannel,
  openNatsChannel,
} from '@portcullis/runtime/channel';
import { connect } from 'nats';
import { describeChannelContract } from '../support/channel-contract.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';
import { CHANNEL, ENV, TRUST_DOMAIN } from '../support/stack.js';

// The first run may have to obtain the server.
jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const soon = (): AbortSignal => AbortSignal.timeout(10_000);

describe('a real nats-server', () => {
  let server: NatsServer;
  let opened = 0;

  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server?.close());

  describeChannelContract('NATS', async () => {
    opened += 1;
    // Buckets of its own: an empty channel on the same server.
    const options = { servers: [server.url], bucketPrefix: `contract-${opened}`, log };
    const writer = await openNatsChannel({ ...options, role: 'writer' });
    const reader = await openNatsChannel({ ...options, role: 'reader' });
    return {
      writer,
      reader,
      close: async () => {
        await reader.close();
        await writer.close();
      },
    };
  });
});

/** What a nats-server of 2.9 knows of a stream; newer ones refuse a request with anything that they do not know. */
const STREAM_FIELDS = [
  'name',
  'description',
  'subjects',
  'retention',
  'max_consumers',
  'max_msgs',
  'max_msgs_per_subject',
  'max_bytes',
  'max_age',
  'max_msg_size',
  'storage',
  'discard',
  'num_replicas',
  'no_ack',
  'duplicate_window',
  'placement',
  'sealed',
  'deny_delete',
  'deny_purge',
  'allow_rollup_hdrs',
  'allow_direct',
  'mirror_direct',
];

test('a writer asks the server for no stream that newer servers would refuse', async () => {
  const server = await startNatsServer();
  const witness = await connect({ servers: server.url });
  try {
    const asked: Record<string, unknown>[] = [];
    witness.subscribe('$JS.API.STREAM.CREATE.>', {
      callback: (_error, message) => void asked.push(message.json<Record<string, unknown>>()),
    });
    await witness.flush();
    const writer = await openNatsChannel({ servers: [server.url], log, role: 'writer', replicas: 1 });
    await writer.put('targets/a', Buffer.from('x'), soon());
    await writer.close();
    await witness.flush();
    expect(new Set(asked.map(({ name }) => name))).toEqual(
      new Set(['KV_portcullis-metadata', 'OBJ_portcullis-targets']),
    );
    expect(asked.flatMap((stream) => Object.keys(stream).filter((field) => !STREAM_FIELDS.includes(field)))).toEqual(
      [],
    );
  } finally {
    await witness.close();
    await server.close();
  }
});

describe('the distributor’s own server', () => {
  const PDP: LeafIdentity = { kind: 'pdp', name: 'pdp-1' };
  const DISTRIBUTOR: LeafIdentity = { kind: 'distributor', name: 'distributor' };
  let folder = '';
  let baseUrl = '';
  let service: Service;
  let material: TlsMaterial;
  /** What the server serves from now on. */
  let channel: InProcessChannel = createInProcessChannel();

  /** The channel as the distributor sees it: what it would put there itself stays out of the way. */
  const shown: InProcessChannel = {
    transport: 'in-process',
    get: (...call) => channel.get(...call),
    put: async () => undefined,
    hint: async () => undefined,
    watch: (...call) => channel.watch(...call),
    send: (...call) => channel.send(...call),
    receive: (...call) => channel.receive(...call),
    cursor: () => channel.cursor(),
    changed: (...call) => channel.changed(...call),
    sender: { ship: (...call) => channel.sender.ship(...call) },
    receiver: { serve: async (_take, signal) => void (await once(signal, 'abort')) },
    offer: (shipment) => channel.offer(shipment),
    close: async () => undefined,
  };
  const openReader = (): ChannelReader =>
    createHttpChannelReader({
      baseUrl,
      dispatcher: undiciDispatcher(material, { acceptServer: (id) => id.includes('/distributor/') }),
      ownsDispatcher: true,
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'portcullis-contract-'));
    const now = new Date();
    const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves: [PDP, DISTRIBUTOR], now });
    await writeDevelopmentPki(join(folder, 'pki'), pki, { force: false });
    const trust = await initTrust({
      profile: 'dev',
      envs: [ENV],
      directory: join(folder, 'trust'),
      now: now.getTime(),
      force: false,
    });
    const tls = (name: string) => tlsFilesOf(join(folder, 'pki'), { folder: name });
    material = await openTlsMaterial(tls('pdp-pdp-1'), { log });
    service = await composeDistributor(
      distributorConfig.parse({
        trustDomain: TRUST_DOMAIN,
        tls: tls('distributor-distributor'),
        dataDir: join(folder, 'data'),
        trustDir: trust.metadataDirectory,
        keysDir: trust.distributorKeys,
        limits: { watchMs: 2_000 },
      }),
      createServiceContext({
        name: 'distributor',
        log,
        announce: (name, address) => {
          if (name === 'https') baseUrl = `https://${address}`;
        },
      }),
      { channel: shown },
    );
  });
  afterAll(async () => {
    for (const step of service?.drain ?? []) await step.run();
    material?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const MESSAGES = 'messages arrive unchanged, in order and only at their subject';

  describeChannelContract(
    'HTTP',
    async () => {
      channel = createInProcessChannel();
      const reader = openReader();
      return { writer: channel, reader, close: () => reader.close() };
    },
    // A distributor takes node statuses and nothing else, and from nobody but the node itself: see below.
    [MESSAGES],
  );

  describe('takes messages', () => {
    const status = (change: Partial<NodeStatus> = {}): Uint8Array =>
      encodeNodeStatus({
        node: 'pdp-1',
        state: 'heartbeat',
        env: ENV,
        channel: CHANNEL,
        release_seq: 0,
        bundle_digest: '',
        freshness: 'none',
        at: '2026-11-22T00:00:00.000Z',
        ...change,
      });

    test('that are statuses of the node itself: unchanged and in order', async () => {
      channel = createInProcessChannel();
      const reader = openReader();
      const stop = new AbortController();
      const arriving = channel.receive(NODE_STATUS_SUBJECT, stop.signal)[Symbol.asyncIterator]();
      const sent = ['a', 'b', 'c'].map((reason) => status({ reason }));
      for (const message of sent) await reader.send(NODE_STATUS_SUBJECT, message, soon());
      for (const message of sent) {
        expect(Buffer.from((await arriving.next()).value as Uint8Array).toString()).toBe(
          Buffer.from(message).toString(),
        );
      }
      stop.abort();
      await reader.close();
    });

    test.each([
      ['of another subject', 'portcullis.other', status(), 'unavailable'],
      ['that are no statuses', NODE_STATUS_SUBJECT, Buffer.from('probe'), 'unavailable'],
      ['in another node’s name', NODE_STATUS_SUBJECT, status({ node: 'pdp-2' }), 'unauthenticated'],
    ])('but none %s', async (_name, subject, message, kind) => {
      channel = createInProcessChannel();
      const reader = openReader();
      const arrived: Uint8Array[] = [];
      const stop = new AbortController();
      const arriving = (async () => {
        for await (const each of channel.receive(subject, stop.signal)) arrived.push(each);
      })();
      await expect(reader.send(subject, message, soon())).rejects.toMatchObject({ kind });
      stop.abort();
      await arriving;
      expect(arrived).toEqual([]);
      await reader.close();
    });
  });
});
