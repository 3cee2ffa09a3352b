/** The whole distributor on a real disk, over real mutual TLS, with real bundles. */

import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { buildBundle } from '@portcullis/policy/bundle';
import {
  addBundleTarget,
  BUNDLE_PATH,
  createTrust,
  encodeNodeStatus,
  NODE_STATUS_SUBJECT,
  openSigningKey,
  parseTimestamp,
  RELEASE_TYPE,
  type SigningKey,
  signReleases,
  type Trust,
} from '@portcullis/policy/trust';
import { parsePeerIdentity } from '@portcullis/proto';
import {
  createLogger,
  createServiceContext,
  openTlsMaterial,
  type Service,
  type TlsFiles,
  undiciDispatcher,
} from '@portcullis/runtime';
import { createHttpChannelReader } from '@portcullis/runtime/channel';
import { type Dispatcher, request } from 'undici';
import { composeDistributor } from './compose.js';
import { distributorConfig } from './config.js';
import { unwrap } from './testing/world.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const log = createLogger({ component: 'test', level: 'silent' });

interface Authority {
  readonly cert: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

async function createAuthority(name: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - HOUR),
    notAfter: new Date(Date.now() + DAY),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return { cert, keys };
}

async function issue(
  folder: string,
  name: string,
  authority: Authority,
  uri: string,
  lifetimeMs = HOUR,
): Promise<TlsFiles> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: authority.cert.subject,
    notBefore: new Date(Date.now() - HOUR),
    notAfter: new Date(Date.now() + lifetimeMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }])],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const files = {
    certFile: join(folder, `${name}.crt`),
    keyFile: join(folder, `${name}.key`),
    caFile: join(folder, `${name}.ca`),
  };
  await writeFile(files.certFile, cert.toString('pem'));
  await writeFile(files.keyFile, `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`);
  await writeFile(files.caFile, authority.cert.toString('pem'));
  return files;
}

const source = (effect: string, version: string): Map<string, Uint8Array> => {
  const text = new TextEncoder();
  return new Map([
    [
      'bundle.yaml',
      text.encode(
        `format: portcullis.policy/1\nname: test\nversion: ${version}\ndefault: deny\nsets:\n  - name: base\n    layer: platform\n    combining: priority\n    priority_order: desc\n    policies: policies\n`,
      ),
    ],
    [
      'policies/one.yaml',
      text.encode(
        `name: One\nslug: one\ndescription: One rule\neffect: ${effect}\npriority: 10\nwhen:\n  field: tool.name\n  operator: equals\n  value: read\n`,
      ),
    ],
  ]);
};

let folder: string;
let trust: Trust;
let authority: Authority;
let service: Service;
let stop: AbortController;
let tasks: Promise<unknown>;
let baseUrl: string;
let adminUrl: string;
const open: { close(): unknown }[] = [];

async function start(): Promise<void> {
  stop = new AbortController();
  const addresses: Record<string, string> = {};
  const config = distributorConfig.parse({
    trustDomain: 'example.org',
    tls: {
      certFile: join(folder, 'distributor.crt'),
      keyFile: join(folder, 'distributor.key'),
      caFile: join(folder, 'distributor.ca'),
    },
    dataDir: join(folder, 'data'),
    keysDir: join(folder, 'keys'),
    trustDir: join(folder, 'trust'),
    timestamp: { lifetimeMs: 60_000, refreshMs: 500 },
    limits: { watchMs: 10_000 },
  });
  const context = createServiceContext({
    name: 'distributor',
    log,
    signal: stop.signal,
    announce: (name, address) => {
      addresses[name] = address;
    },
  });
  service = await composeDistributor(config, context);
  tasks = Promise.all(service.tasks.map((task) => task.run(stop.signal)));
  baseUrl = `https://${addresses['https']}`;
  adminUrl = `http://${addresses['admin']}`;
}

async function end(): Promise<void> {
  for (const step of service.drain) await step.run();
  stop.abort();
  await tasks;
}

async function as(
  name: string,
  uri: string,
  options: { readonly authority?: Authority; readonly lifetimeMs?: number } = {},
): Promise<Dispatcher> {
  const files = await issue(folder, name, options.authority ?? authority, uri, options.lifetimeMs);
  await writeFile(files.caFile, authority.cert.toString('pem'));
  const material = await openTlsMaterial(files, { log });
  const dispatcher = undiciDispatcher(material, {
    acceptServer: (id) => parsePeerIdentity(id, 'example.org')?.kind === 'distributor',
  });
  open.push(material, dispatcher);
  return dispatcher;
}

beforeAll(async () => {
  x509.cryptoProvider.set(globalThis.crypto);
  folder = await mkdtemp(join(tmpdir(), 'portcullis-distributor-'));
  authority = await createAuthority('authority');
  await issue(folder, 'distributor', authority, 'spiffe://example.org/distributor/one');
  trust = unwrap(createTrust({ profile: 'dev', env: 'dev', now: Date.now() }));
  for (const name of ['keys', 'trust']) await mkdir(join(folder, name));
  for (const [name, bytes] of trust.files) await writeFile(join(folder, 'trust', name), bytes);
  for (const key of trust.holders.get('distributor') ?? [])
    await writeFile(join(folder, 'keys', `${key.role}.pem`), key.pem);
  await start();
});
afterAll(async () => {
  await end();
  for (const closing of open) await closing.close();
  await rm(folder, { recursive: true, force: true });
});

const keysOf = (role: string): SigningKey[] =>
  trust.keys.filter((key) => key.role === role).map((key) => unwrap(openSigningKey(key.pem)));

async function call(
  dispatcher: Dispatcher,
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  body?: string | Uint8Array,
  type = 'application/json',
) {
  const answer = await request(`${baseUrl}${path}`, {
    dispatcher,
    method,
    ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
  });
  return { status: answer.statusCode, bytes: new Uint8Array(await answer.body.arrayBuffer()) };
}

async function publish(
  publisher: Dispatcher,
  seq: number,
  effect: string,
): Promise<{ readonly status: number; readonly sha256: string }> {
  const now = Date.now();
  const version = `1.0.${seq}`;
  const bundle = unwrap(await buildBundle(source(effect, version)));
  const current = async (role: string) => (await call(publisher, 'GET', `/v1/trust/${role}.json`)).bytes;
  const facts = { format: 'portcullis.policy/1', policy_version: bundle.policyVersion } as const;
  const signing = { now, lifetimeMs: DAY };
  const targets = unwrap(
    addBundleTarget({
      ...signing,
      current: await current('targets'),
      keys: keysOf('targets'),
      bundle: bundle.bytes,
      facts,
    }),
  );
  const pointer = {
    _type: RELEASE_TYPE,
    env: 'dev',
    channel: 'default',
    seq,
    issued_at: new Date(now).toISOString(),
    not_after: new Date(now + DAY).toISOString(),
    stable: { target: BUNDLE_PATH(bundle.sha256), sha256: bundle.sha256, policy_version: bundle.policyVersion },
    candidate: null,
    rollout: null,
    activation: { min_acks: 0 },
    actor: 'alice',
  } as const;
  const releases = unwrap(
    signReleases({ ...signing, current: await current('releases-dev'), keys: keysOf('releases'), pointer }),
  );
  const put = await call(publisher, 'PUT', `/v1/bundles/${bundle.sha256}`, bundle.bytes, 'application/gzip');
  expect(put.status).toBe(201);
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const body = {
    env: 'dev',
    channel: 'default',
    role_metadata: { targets: base64(targets.bytes), 'releases-dev': base64(releases.bytes) },
    pointer: base64(releases.pointer),
  };
  const posted = await call(publisher, 'POST', '/v1/releases', JSON.stringify(body));
  return { status: posted.status, sha256: bundle.sha256 };
}

describe('over mutual TLS', () => {
  test('a release reaches a reader that watches, and its status comes back', async () => {
    const publisher = await as('alice', 'spiffe://example.org/publisher/alice');
    const reader = createHttpChannelReader({
      baseUrl,
      dispatcher: await as('pdp-1', 'spiffe://example.org/pdp/pdp-1'),
    });
    open.push(reader);
    const { signal } = new AbortController();
    const hints = reader.watch(AbortSignal.timeout(20_000))[Symbol.asyncIterator]();
    await hints.next();
    const news = hints.next();
    const { status, sha256 } = await publish(publisher, 1, 'deny');
    expect(status).toBe(200);
    expect((await news).done).toBe(false);
    const key = `targets/bundles/${sha256}.${sha256}.tar.gz`;
    expect(await reader.get(key, { maxBytes: 1_000_000, signal })).toBeDefined();

    const state = {
      node: 'pdp-1',
      state: 'loaded',
      env: 'dev',
      channel: 'default',
      release_seq: 1,
      bundle_digest: sha256,
      freshness: 'fresh',
    } as const;
    await reader.send(NODE_STATUS_SUBJECT, encodeNodeStatus({ ...state, at: new Date().toISOString() }), signal);
    const seen = JSON.parse(
      new TextDecoder().decode((await call(publisher, 'GET', '/v1/releases/dev/default')).bytes),
    ) as { converged: boolean };
    expect(seen.converged).toBe(true);
    const forged = encodeNodeStatus({ ...state, node: 'pdp-2', at: new Date().toISOString() });
    await expect(reader.send(NODE_STATUS_SUBJECT, forged, signal)).rejects.toMatchObject({ kind: 'unauthenticated' });
  }, 30_000);

  test('a bundle that does not compile is refused although everything is signed', async () => {
    const publisher = await as('alice', 'spiffe://example.org/publisher/alice');
    const bytes = new TextEncoder().encode('not a bundle');
    const { createHash } = await import('node:crypto');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const facts = { format: 'portcullis.policy/1', policy_version: '1' } as const;
    const current = (await call(publisher, 'GET', '/v1/trust/targets.json')).bytes;
    const targets = unwrap(
      addBundleTarget({ current, keys: keysOf('targets'), now: Date.now(), lifetimeMs: DAY, bundle: bytes, facts }),
    );
    expect((await call(publisher, 'PUT', `/v1/bundles/${sha256}`, bytes, 'application/gzip')).status).toBe(201);
    const body = {
      env: 'dev',
      channel: 'default',
      role_metadata: { targets: Buffer.from(targets.bytes).toString('base64') },
    };
    const answer = await call(publisher, 'POST', '/v1/releases', JSON.stringify(body));
    expect([answer.status, new TextDecoder().decode(answer.bytes)]).toEqual([400, expect.stringContaining('BUNDLE')]);
  });

  test.each<[string, () => Promise<Dispatcher>, number | 'no connection']>([
    ['an agent', () => as('agent', 'spiffe://example.org/tenant/t/agent/a'), 403],
    ['a pdp that publishes', () => as('pdp', 'spiffe://example.org/pdp/p'), 403],
    ['a publisher of another trust domain', () => as('other', 'spiffe://other.org/publisher/alice'), 401],
    [
      'a publisher of another authority',
      async () =>
        as('foreign', 'spiffe://example.org/publisher/alice', { authority: await createAuthority('foreign') }),
      'no connection',
    ],
  ])('%s gets nowhere', async (_name, dispatcherOf, expected) => {
    const dispatcher = await dispatcherOf();
    const outcome = await call(dispatcher, 'POST', '/v1/releases', '{}').then(
      ({ status }) => status,
      () => 'no connection',
    );
    expect(outcome).toBe(expected);
  });

  test('without a client certificate there is no connection', async () => {
    const { connect } = await import('node:tls');
    const { hostname, port } = new URL(baseUrl);
    const outcome = await new Promise((resolve) => {
      const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
        socket.write('GET /v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n');
      });
      socket.once('data', () => resolve('answered'));
      socket.once('error', () => resolve('refused'));
      socket.once('close', () => resolve('refused'));
    });
    expect(outcome).toBe('refused');
  });

  test('a certificate that expires on a live connection is no longer an identity', async () => {
    const dispatcher = await as('brief', 'spiffe://example.org/publisher/brief', { lifetimeMs: 2_500 });
    expect((await call(dispatcher, 'GET', '/v1/nodes')).status).toBe(200);
    let status = 200;
    for (let tries = 0; status === 200 && tries < 100; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      status = await call(dispatcher, 'GET', '/v1/nodes').then(
        (answer) => answer.status,
        () => 401,
      );
    }
    expect(status).toBe(401);
  }, 20_000);

  test('the timestamp is renewed by itself, metrics tell, and a restart keeps everything', async () => {
    const publisher = await as('alice', 'spiffe://example.org/publisher/alice');
    const version = async () =>
      unwrap(parseTimestamp((await call(publisher, 'GET', '/v1/trust/timestamp.json')).bytes)).signed.version;
    const first = await version();
    for (let tries = 0; (await version()) === first && tries < 100; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await version()).toBeGreaterThan(first);
    expect((await request(`${adminUrl}/readyz`)).statusCode).toBe(200);
    const metrics = await (await request(`${adminUrl}/metrics`)).body.text();
    expect(metrics).toMatch(/portcullis_distributor_releases_total\{outcome="published"\} 1/);

    const last = await version();
    await end();
    await start();
    expect(await version()).toBeGreaterThan(last);
    expect(await publish(publisher, 2, 'allow')).toMatchObject({ status: 200 });
    expect((await readdir(join(folder, 'data', 'metadata'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(
      (await readFile(join(folder, 'data', 'metadata', '1.root.json'))).equals(
        trust.files.get('root.json') ?? new Uint8Array(),
      ),
    ).toBe(true);
  }, 30_000);
});
