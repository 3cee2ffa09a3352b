import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeNodeStatus, NODE_STATUS_SUBJECT, type NodeStatus } from '@portcullis/policy/trust';
import { parsePeerIdentity } from '@portcullis/proto';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { createMemoryEvidenceStore } from '../evidence/memory-store.js';
import { receiveTask } from '../nodes/receive.js';
import { createWorld, draftRelease, publishRelease, textBundle, type World } from '../testing/world.js';
import { createAdminApp } from './app.js';

const PUBLISHER = 'spiffe://example.org/publisher/alice';
const PDP = 'spiffe://example.org/pdp/pdp-1';
const STRANGERS = [
  '',
  'spiffe://example.org/tenant/t/agent/a',
  'spiffe://example.org/gateway/g',
  'spiffe://example.org/distributor/d',
  'spiffe://evil.org/publisher/alice',
];

const evidence = createMemoryEvidenceStore({ maxRecords: 100, maxWriters: 10 });
let world: World;
let app: FastifyInstance;
let stop: AbortController;
beforeEach(async () => {
  world = await createWorld();
  stop = new AbortController();
  void receiveTask(world.channel, world).run(stop.signal);
  app = createAdminApp({
    ...world,
    evidence,
    tls: {},
    signal: stop.signal,
    watchMs: 50,
    // The certificate is played by a header; the real one is met in compose.test.ts.
    identify: (request) => parsePeerIdentity(String(request.headers['x-peer'] ?? ''), 'example.org'),
  });
});
afterEach(async () => {
  stop.abort();
  await app.close();
});

const ask = (peer: string, method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, more: InjectOptions = {}) =>
  app.inject({ method, url, ...more, headers: { 'x-peer': peer, ...more.headers } });
const octets = { 'content-type': 'application/octet-stream' };

function releaseBody(seq: number): { readonly sha256: string; readonly body: Record<string, unknown> } {
  const { upload, sha256 } = draftRelease(world, seq);
  const base64 = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  const role_metadata = Object.fromEntries([...upload.roles].map(([role, bytes]) => [role, base64(bytes)]));
  return { sha256, body: { env: 'dev', channel: 'default', role_metadata, pointer: base64(upload.pointer) } };
}
const status: NodeStatus = {
  node: 'pdp-1',
  state: 'loaded',
  env: 'dev',
  channel: 'default',
  release_seq: 1,
  bundle_digest: 'a'.repeat(64),
  freshness: 'fresh',
  at: '2026-01-01T00:00:00.000Z',
};

describe('who may do what', () => {
  const everything = [
    ['PUT', `/v1/bundles/${'a'.repeat(64)}`, 'publisher'],
    ['POST', '/v1/releases', 'publisher'],
    ['POST', '/v1/trust/root', 'publisher'],
    ['GET', '/v1/nodes', 'publisher'],
    ['PUT', '/v1/kill/dev', 'publisher'],
    ['GET', '/v1/kill/dev', 'both'],
    ['GET', '/v1/releases/dev/default', 'both'],
    ['GET', '/v1/trust/root.json', 'both'],
    ['GET', '/tuf/metadata/timestamp.json', 'both'],
    ['GET', '/tuf/targets/bundles/x', 'both'],
    ['GET', '/v1/channel/objects/metadata/timestamp.json', 'both'],
    ['GET', '/v1/channel/watch', 'pdp'],
    ['POST', `/v1/channel/messages/${NODE_STATUS_SUBJECT}`, 'pdp'],
    ['POST', '/v1/channel/shipments', 'pdp'],
    ['GET', '/v1/audit/writers', 'publisher'],
  ] as const;

  test('the table is complete', () => {
    const routes =
      app.printRoutes({ commonPrefix: false }).match(/\((?:GET|PUT|POST|DELETE|PATCH|OPTIONS)[^)]*\)/g) ?? [];
    // The three routes that end in a wildcard share one line, and so do the two verbs of one path.
    expect(routes).toHaveLength(everything.length - 3);
  });

  test.each(everything)('%s %s is for: %s', async (method, url, who) => {
    for (const peer of STRANGERS) {
      const named = parsePeerIdentity(peer, 'example.org') !== undefined;
      expect((await ask(peer, method, url)).statusCode).toBe(named ? 403 : 401);
    }
    for (const [kind, peer] of [
      ['publisher', PUBLISHER],
      ['pdp', PDP],
    ] as const) {
      const { statusCode } = await ask(peer, method, url);
      if (who === 'both' || who === kind) expect([401, 403]).not.toContain(statusCode);
      else expect(statusCode).toBe(403);
    }
  });

  test('somebody unknown learns nothing about what exists', async () => {
    expect((await ask('', 'GET', '/nowhere')).statusCode).toBe(401);
    expect((await ask(PUBLISHER, 'GET', '/nowhere')).statusCode).toBe(404);
    expect((await ask(PUBLISHER, 'DELETE', '/v1/releases')).statusCode).toBe(404);
  });

  test('a route that forgot to say whom it admits admits nobody', async () => {
    const other = createAdminApp({
      ...world,
      evidence,
      tls: {},
      signal: stop.signal,
      watchMs: 50,
      identify: () => parsePeerIdentity(PUBLISHER, 'example.org'),
    });
    other.get('/forgotten', async () => 'secret');
    expect((await other.inject('/forgotten')).statusCode).toBe(403);
    await other.close();
  });

  test('a pdp speaks for itself only', async () => {
    const send = (node: string) =>
      ask(PDP, 'POST', `/v1/channel/messages/${NODE_STATUS_SUBJECT}`, {
        payload: Buffer.from(encodeNodeStatus({ ...status, node })),
        headers: octets,
      });
    expect((await send('pdp-2')).statusCode).toBe(403);
    expect((await send('pdp-1')).statusCode).toBe(204);
    const { nodes } = (await ask(PUBLISHER, 'GET', '/v1/nodes')).json<{ nodes: { node: string }[] }>();
    expect(nodes.map((row) => row.node)).toEqual(['pdp-1']);
  });
});

describe('a release over the API', () => {
  test('is uploaded, published, read back, and converges when the node says so', async () => {
    const { sha256, body } = releaseBody(1);
    const upload = await ask(PUBLISHER, 'PUT', `/v1/bundles/${sha256}`, {
      payload: Buffer.from(textBundle('1.0.1')),
      headers: { 'content-type': 'application/gzip' },
    });
    expect([upload.statusCode, upload.json()]).toEqual([201, { sha256, length: 12 }]);
    const published = await ask(PUBLISHER, 'POST', '/v1/releases', { payload: body });
    expect([published.statusCode, published.json()]).toEqual([
      200,
      { seq: 1, snapshot_version: 3, timestamp_version: 4 },
    ]);
    expect((await ask(PUBLISHER, 'POST', '/v1/releases', { payload: body })).json()).toEqual(published.json());

    const read = () =>
      ask(PUBLISHER, 'GET', '/v1/releases/dev/default').then((answer) => answer.json<Record<string, unknown>>());
    expect(await read()).toMatchObject({
      pointer: { seq: 1 },
      abort: null,
      history: [{ pointer: { seq: 1 } }],
      nodes: [],
      converged: false,
    });
    await ask(PDP, 'POST', `/v1/channel/messages/${NODE_STATUS_SUBJECT}`, {
      payload: Buffer.from(encodeNodeStatus({ ...status, bundle_digest: sha256 })),
      headers: octets,
    });
    expect(await read()).toMatchObject({
      converged: true,
      nodes: [
        {
          node: 'pdp-1',
          state: 'loaded',
          release_seq: 1,
          digest: sha256,
          freshness: 'fresh',
          last_seen_ms: world.clock.now(),
          live: true,
        },
      ],
    });
  });

  test('a refusal is a problem document with every finding', async () => {
    const { body } = releaseBody(1);
    const answer = await ask(PUBLISHER, 'POST', '/v1/releases', { payload: body });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({
      type: 'urn:portcullis:error:ERR_RELEASE_REFUSED',
      status: 400,
      code: 'ERR_RELEASE_REFUSED',
      problems: expect.arrayContaining([expect.objectContaining({ code: 'ERR_BUNDLE_MISSING' })]),
    });
  });

  test('somebody else having been first is a conflict', async () => {
    const { body } = releaseBody(1);
    await publishRelease(world, 1, { version: 'theirs' });
    expect((await ask(PUBLISHER, 'POST', '/v1/releases', { payload: body })).statusCode).toBe(409);
  });

  test('what goes wrong inside does not get out', async () => {
    const { sha256, body } = releaseBody(1);
    await world.incoming.put(sha256, textBundle('1.0.1'));
    world.disk.failAfter(1);
    const answer = await ask(PUBLISHER, 'POST', '/v1/releases', { payload: body });
    expect(answer.statusCode).toBe(503);
    expect(answer.body).not.toContain('disk is gone');
    world.disk.heal();
    expect((await ask(PUBLISHER, 'POST', '/v1/releases', { payload: body })).statusCode).toBe(200);
  });

  const json = { 'content-type': 'application/json' };
  test.each<[string, string, number, InjectOptions]>([
    [
      'an unknown field',
      '/v1/releases',
      400,
      { payload: { env: 'dev', channel: 'default', role_metadata: {}, extra: 1 } },
    ],
    [
      'an env that is a path',
      '/v1/releases',
      400,
      { payload: { env: '../dev', channel: 'default', role_metadata: {} } },
    ],
    [
      'what is not base64',
      '/v1/releases',
      400,
      { payload: { env: 'dev', channel: 'default', role_metadata: { targets: '%%%' } } },
    ],
    [
      'a duplicate key',
      '/v1/releases',
      400,
      { payload: '{"env":"dev","env":"prod","channel":"default","role_metadata":{}}', headers: json },
    ],
    [
      'a prototype key',
      '/v1/releases',
      400,
      { payload: '{"__proto__":{},"env":"dev","channel":"default","role_metadata":{}}', headers: json },
    ],
    ['what is not JSON', '/v1/releases', 400, { payload: '{', headers: json }],
    ['no body', '/v1/releases', 400, {}],
    ['another type of body', '/v1/releases', 415, { payload: '<a/>', headers: { 'content-type': 'text/xml' } }],
    ['a root that is not one', '/v1/trust/root', 400, { payload: { root: 'e30=' } }],
    ['a root too large', '/v1/trust/root', 413, { payload: { root: 'A'.repeat(2_000_000) } }],
  ])('refuses %s', async (_name, url, code, request) => {
    const answer = await ask(PUBLISHER, 'POST', url, request);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([
      code,
      expect.stringContaining('application/problem+json'),
    ]);
  });

  test.each<[string, string, number, number, string]>([
    ['bytes with another digest', 'a'.repeat(64), 10, 400, 'application/gzip'],
    ['a digest that is not one', '..%2f..%2fetc', 10, 400, 'application/gzip'],
    ['an upper-case digest', 'A'.repeat(64), 10, 400, 'application/gzip'],
    ['more than 16 MiB', 'a'.repeat(64), 16 * 1024 * 1024 + 1, 413, 'application/gzip'],
    ['JSON', 'a'.repeat(64), 0, 400, 'application/json'],
  ])('refuses as a bundle: %s', async (_name, sha256, length, code, type) => {
    const answer = await ask(PUBLISHER, 'PUT', `/v1/bundles/${sha256}`, {
      payload: Buffer.alloc(length),
      headers: { 'content-type': type },
    });
    expect(answer.statusCode).toBe(code);
  });

  test('uploads that nobody releases do not fill the disk', async () => {
    const small = await createWorld();
    const put = (text: string): Promise<void> => {
      const bytes = new TextEncoder().encode(text);
      return import('@portcullis/policy/trust').then(({ hashesOf }) =>
        small.incoming.put(hashesOf(bytes).sha256, bytes),
      );
    };
    for (let n = 0; n < 64; n += 1) await put(`bundle ${n}`);
    await expect(put('one too many')).rejects.toMatchObject({ code: 'ERR_BUNDLE_WAITING' });
    await expect(put('bundle 1')).resolves.toBeUndefined();
  });
});

describe('reading', () => {
  test('the repository and the channel serve the same bytes', async () => {
    const { stable } = await publishRelease(world, 1);
    const { sha256 } = stable;
    for (const key of [
      'metadata/1.root.json',
      'metadata/timestamp.json',
      'metadata/2.targets.json',
      `targets/bundles/${sha256}.${sha256}.tar.gz`,
    ]) {
      const [tuf, channel] = [
        await ask(PDP, 'GET', `/tuf/${key}`),
        await ask(PDP, 'GET', `/v1/channel/objects/${key}`),
      ];
      expect([key, tuf.statusCode, channel.statusCode]).toEqual([key, 200, 200]);
      expect(tuf.rawPayload.equals(channel.rawPayload)).toBe(true);
    }
    const trust = await ask(PUBLISHER, 'GET', '/v1/trust/targets.json');
    expect(new Uint8Array(trust.rawPayload)).toEqual(world.publisher.state().roles.get('targets')?.bytes);
  });

  test.each([
    '/tuf/metadata/9.root.json',
    '/tuf/metadata/9.targets.json',
    '/tuf/metadata/..%2f..%2fkeys%2fdistributor%2fsnapshot.pem',
    '/tuf/metadata/timestamp.json.tmp',
    '/tuf/targets/bundles/plain.tar.gz',
    `/tuf/targets/..%2f..%2f${'a'.repeat(64)}.pem`,
    `/tuf/targets/bundles/${'a'.repeat(64)}...`,
    '/v1/channel/objects/../../keys',
    '/v1/channel/objects/metadata/none.json',
    '/v1/trust/constructor.json',
    '/v1/trust/snapshot.pem',
    '/v1/releases/dev/none',
  ])('%s does not exist', async (url) => {
    const answer = await ask(PUBLISHER, 'GET', url);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([404, 'ERR_ADMIN_NOT_FOUND']);
  });

  test('metadata that is written and not committed is not served', async () => {
    world.disk.files.set('/data/metadata/2.targets.json', new Uint8Array([1]));
    expect((await ask(PDP, 'GET', '/tuf/metadata/2.targets.json')).statusCode).toBe(404);
  });

  test('a watch answers at once to who is behind, waits for who is not, and hears of a release', async () => {
    const watch = (after?: string) =>
      ask(PDP, 'GET', `/v1/channel/watch${after === undefined ? '' : `?after=${after}`}`).then(
        (answer) => answer.json<{ cursor: string }>().cursor,
      );
    const first = await watch();
    expect(await watch(first)).toBe(first);
    const [news] = await Promise.all([watch(first), publishRelease(world, 1)]);
    expect(await watch('from-another-life')).not.toBe('from-another-life');
    expect([first, news]).not.toContain(undefined);
    expect(await watch()).not.toBe(first);
  });

  test('nodes can be asked for by channel; unknown questions are refused', async () => {
    world.nodes.record(status);
    const count = async (query: string) =>
      (await ask(PUBLISHER, 'GET', `/v1/nodes${query}`)).json<{ nodes?: unknown[] }>().nodes?.length;
    expect(await Promise.all(['', '?env=dev&channel=default', '?env=prod'].map(count))).toEqual([1, 1, 0]);
    expect((await ask(PUBLISHER, 'GET', '/v1/nodes?colour=red')).statusCode).toBe(400);
  });
});
