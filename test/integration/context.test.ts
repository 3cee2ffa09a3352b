/**
 * A whole PDP and everything that tells it about a request: users by token over gRPC and HTTP, agents in a real Redis, and
 * services over HTTPS that know us by certificate or token.
 */
import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { buildBundle } from '@portcullis/policy/bundle';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { fromWireDecision, loadDecisionService, requestDigest, toWireRequest, type Wire } from '@portcullis/proto';
import { createLogger, openTlsMaterial, type TlsFiles, type TlsMaterial } from '@portcullis/runtime';
import { pdpCredentials } from '@portcullis/sidecar';
import { Redis } from 'ioredis';
import { Agent, request as httpRequest } from 'undici';
import { type EmbeddedPdp, startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { createSignedRepository, must } from '../support/signed-repository.js';
import { CHANNEL, ENV, TRUST_DOMAIN } from '../support/stack.js';

// The first run may have to obtain the server.
jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const PREFIX = 'test:agents';
const AUDIENCE = 'portcullis';
const ISSUER = 'https://login.test';

const SERVICE_TOKEN = 'a-token-for-the-service';

let folder = '';
let redis: RedisServer;
let admin: Redis;
let service: Server;
let guarded: Server;
let pdp: EmbeddedPdp;
let material: TlsMaterial;
let client: Client;
let https: Agent;
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** What the services answer. */
let said: { mtls: unknown; bearer: unknown } = { mtls: {}, bearer: {} };
/** What the services heard of who asks. */
const heard: string[] = [];

/** A JSON Web Token with these claims. */
function sign(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', kid: 'k' })}.${part(claims)}`;
  const signature = signBytes('sha256', Buffer.from(signed), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

function serve(options: object, name: 'mtls' | 'bearer'): Promise<Server> {
  const server = createServer(options, (request, response) => {
    const socket = request.socket as unknown as { authorized?: boolean };
    heard.push(`${name} ${socket.authorized === true} ${request.headers.authorization ?? '-'}`);
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('cache-control', 'no-store');
      response.end(JSON.stringify(said[name]));
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
const urlOf = (server: Server): string => `https://127.0.0.1:${(server.address() as AddressInfo).port}/facts`;
const read = ({ certFile, keyFile, caFile }: TlsFiles): { cert: string; key: string; ca: string } => ({
  cert: readFileSync(certFile, 'utf8'),
  key: readFileSync(keyFile, 'utf8'),
  ca: readFileSync(caFile, 'utf8'),
});

const allow = (name: string, tool: string, field: string, operator: string, value: unknown): object => ({
  name,
  when: {
    operator: 'and',
    conditions: [
      { field: 'tool.name', operator: 'equals', value: tool },
      { field, operator, value },
    ],
  },
  effect: 'allow',
  priority: 1,
});
const POLICIES = [
  allow('Admins', 'admin', 'user.role', 'equals', 'admin'),
  allow('Trusted', 'trusted', 'agent.trust_level', 'greater_or_equal', 0.5),
  allow('Region', 'region', 'context.attributes.region', 'equals', 'eu'),
  allow('Impostor', 'impostor', 'agent.attributes.nobody', 'equals', 'x'),
  allow('Owner', 'owned', 'tool.attributes.owner', 'equals', 'sales'),
];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-context-'));
  redis = await startRedisServer();
  admin = new Redis({ host: redis.host, port: redis.port });
  await admin.set(`${PREFIX}:epoch`, '1');
  const leaves = [
    { kind: 'pdp', name: 'pdp-embedded' },
    { kind: 'agent', tenant: 'acme', agent: 'analyst' },
    { kind: 'pdp', name: 'facts' },
  ] as const;
  const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves, now: new Date() });
  await writeDevelopmentPki(folder, pki, { force: false });
  const [pdpTls, agentTls, serviceTls] = pki.leaves.map((leaf) => tlsFilesOf(folder, leaf));
  if (pdpTls === undefined || agentTls === undefined || serviceTls === undefined) throw new Error('no leaves');

  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify({ keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'k' }] }));
  const tokenFile = join(folder, 'service-token');
  writeFileSync(tokenFile, `${SERVICE_TOKEN}\n`);

  service = await serve({ ...read(serviceTls), requestCert: true, rejectUnauthorized: true }, 'mtls');
  guarded = await serve(read(serviceTls), 'bearer');
  const repository = createSignedRepository(ENV, CHANNEL);
  const rootFile = join(folder, 'root.json');
  writeFileSync(rootFile, repository.pinnedRoot);
  const source = {
    'bundle.yaml': {
      format: 'portcullis.policy/1',
      name: 'context',
      version: '1.0.0',
      sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
    },
    'p/all.json': POLICIES,
  };
  const built = must(
    await buildBundle(
      new Map(Object.entries(source).map(([name, value]) => [name, Buffer.from(JSON.stringify(value))])),
    ),
  );
  const { seq } = repository.release({ bundle: built.bytes, policyVersion: built.policyVersion });
  const patient = { timeoutMs: 4_000, cacheSeconds: 0 };
  pdp = await startEmbeddedPdp({
    dataDir: join(folder, 'pdp'),
    rootFile,
    tls: pdpTls,
    sources: [{ get: async (key) => repository.objects().get(key) }],
    http: {},
    users: { issuers: [{ issuer: ISSUER, audience: AUDIENCE, jwksFile }] },
    context: {
      agents: {
        type: 'redis',
        url: `redis://${redis.host}:${redis.port}`,
        tls: false,
        prefix: PREFIX,
        timeoutMs: 2_000,
        pollMs: 20,
        cacheMs: 30_000,
      },
      http: [
        {
          name: 'region',
          url: urlOf(service),
          provides: ['context.attributes.region'],
          auth: { type: 'mtls', spiffeId: `spiffe://${TRUST_DOMAIN}/pdp/facts` },
          ...patient,
          // It says itself that nothing of it is kept.
          cacheSeconds: 3_600,
        },
        {
          name: 'owner',
          url: urlOf(guarded).replace('127.0.0.1', 'localhost'),
          provides: ['tool.attributes.owner'],
          auth: { type: 'bearer', tokenFile, caFile: serviceTls.caFile },
          ...patient,
        },
        {
          name: 'impostor',
          url: urlOf(service),
          provides: ['agent.attributes.nobody'],
          auth: { type: 'mtls', spiffeId: `spiffe://${TRUST_DOMAIN}/pdp/somebody-else` },
          ...patient,
        },
      ],
    },
  });
  await eventually('the release to be enforced', () =>
    pdp.statuses.some((status) => status.release_seq === seq && status.state === 'loaded'),
  );
  material = await openTlsMaterial(agentTls, { log });
  client = new Client(pdp.address, pdpCredentials(material, TRUST_DOMAIN));
  https = new Agent({ connect: { ...read(agentTls), checkServerIdentity: () => undefined } });
});

afterAll(async () => {
  client?.close();
  await https?.close();
  material?.close();
  await pdp?.close();
  for (const server of [service, guarded]) {
    server?.closeAllConnections();
    server?.close();
  }
  admin?.disconnect();
  await redis?.close();
  rmSync(folder, { recursive: true, force: true });
});

function callOf(tool: string, changes: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'analyst' },
    tool: { server: 's', name: tool, operation: 'tools/call' },
    context: { timestamp: new Date().toISOString(), request_id: 'r' },
    ...changes,
  };
}

async function ask(request: CanonicalRequest, userToken = ''): Promise<Decision> {
  const { Evaluate } = loadDecisionService();
  const question = { request: toWireRequest(request), request_digest: requestDigest(request), user_token: userToken };
  const answer = await new Promise<Wire.EvaluateResponse__Output>((resolve, reject) => {
    client.makeUnaryRequest(
      Evaluate.path,
      Evaluate.requestSerialize,
      Evaluate.responseDeserialize,
      question,
      { deadline: Date.now() + 10_000 },
      (error, value) => (value === undefined ? reject(error ?? new Error('no answer')) : resolve(value)),
    );
  });
  if (answer.decision === undefined || answer.decision === null) throw new Error('no decision');
  return must(fromWireDecision(answer.decision)).decision;
}

async function post(request: CanonicalRequest, headers: Readonly<Record<string, string>>): Promise<Decision> {
  const { body } = await httpRequest(`https://${pdp.httpAddress ?? ''}/v1/policy/evaluate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
    dispatcher: https,
  });
  return (await body.json()) as Decision;
}

const inAMinute = (): number => Math.floor(Date.now() / 1_000) + 60;
const code = ({ allow: allowed, deny }: Decision): string => (allowed ? 'allowed' : (deny[0]?.code ?? 'none'));

describe('a user', () => {
  test('counts by its token, over gRPC and over HTTP', async () => {
    const token = sign({ iss: ISSUER, aud: AUDIENCE, exp: inAMinute(), sub: 'alice', role: 'admin' });
    expect(code(await ask(callOf('admin')))).toBe('NO_MATCHING_POLICY');
    expect(code(await ask(callOf('admin'), token))).toBe('allowed');
    expect(code(await post(callOf('admin'), {}))).toBe('NO_MATCHING_POLICY');
    expect(code(await post(callOf('admin'), { 'x-portcullis-user-token': token }))).toBe('allowed');
  });

  test('does not count by the word of an agent, over either', async () => {
    const claiming = callOf('admin', { user: { id: 'alice', role: 'admin' } });
    expect((await ask(claiming)).deny[0]).toMatchObject({ code: 'REQUEST_INVALID', path: 'user' });
    expect((await post(claiming, {})).deny[0]).toMatchObject({ code: 'REQUEST_INVALID', path: 'user' });
  });

  test('does not count by a token for somebody else', async () => {
    const token = sign({ iss: ISSUER, aud: 'billing', exp: inAMinute(), sub: 'alice', role: 'admin' });
    expect(code(await ask(callOf('admin'), token))).toBe('IDENTITY_REJECTED');
    expect(code(await post(callOf('admin'), { 'x-portcullis-user-token': token }))).toBe('IDENTITY_REJECTED');
  });
});

describe('the trust in an agent', () => {
  test('is what operators say, and whoever watches hears that it changed', async () => {
    const { Watch } = loadDecisionService();
    const epochs: number[] = [];
    const watch: ClientReadableStream<Wire.WatchEvent__Output> = client.makeServerStreamRequest(
      Watch.path,
      Watch.requestSerialize,
      Watch.responseDeserialize,
      {},
    );
    watch.on('error', () => undefined);
    watch.on('data', (event: Wire.WatchEvent__Output) => epochs.push(event.epochs?.trust ?? -1));
    await eventually('the first epoch', () => epochs.includes(1));
    expect(code(await ask(callOf('trusted')))).toBe('NO_MATCHING_POLICY');
    for (const [trust, outcome] of [
      [0.9, 'allowed'],
      [0.1, 'NO_MATCHING_POLICY'],
      [0.8, 'allowed'],
    ] as const) {
      const text = JSON.stringify({ trust_level: trust });
      const replies = await admin.multi().set(`${PREFIX}:acme:analyst`, text).incr(`${PREFIX}:epoch`).exec();
      const epoch = Number(replies?.[1]?.[1]);
      await eventually('the epoch to be announced', () => epochs.includes(epoch));
      // From the announcement on, nothing older is answered with.
      expect(code(await ask(callOf('trusted')))).toBe(outcome);
      expect(code(await ask(callOf('trusted', { agent: { id: 'analyst', trust_level: 1 } })))).toBe(outcome);
    }
    watch.cancel();
  });

  test('is nobody’s to claim while Redis is silent', async () => {
    await admin.set(`${PREFIX}:acme:analyst`, '{"trust_level":1}');
    await admin.incr(`${PREFIX}:epoch`);
    await eventually('it to hold', async () => code(await ask(callOf('trusted'))) === 'allowed');
    await admin.del(`${PREFIX}:epoch`);
    await eventually('the loss to be noticed', async () => {
      return code(await ask(callOf('trusted', { agent: { id: 'analyst', trust_level: 1 } }))) === 'NO_MATCHING_POLICY';
    });
    await admin.set(`${PREFIX}:epoch`, '100');
    await eventually('it to be known again', async () => code(await ask(callOf('trusted'))) !== 'NO_MATCHING_POLICY');
    expect(code(await ask(callOf('trusted')))).toBe('allowed');
  });
});

describe('a service', () => {
  test('that knows us by certificate is believed when it is who it should be', async () => {
    said = { ...said, mtls: { context: { attributes: { region: 'eu' } } } };
    expect(code(await ask(callOf('region')))).toBe('allowed');
    expect(heard).toContain('mtls true -');
    said = { ...said, mtls: { context: { attributes: { region: 'us' } } } };
    expect(code(await ask(callOf('region')))).toBe('NO_MATCHING_POLICY');
  });

  test('that knows us by token gets the token, and nobody else does', async () => {
    said = { ...said, bearer: { tool: { attributes: { owner: 'sales' } } } };
    expect(code(await ask(callOf('owned')))).toBe('allowed');
    expect(heard).toContain(`bearer false Bearer ${SERVICE_TOKEN}`);
    expect(heard.filter((line) => line.startsWith('mtls')).join()).not.toContain(SERVICE_TOKEN);
  });

  test('that is somebody else is not believed', async () => {
    said = { ...said, mtls: { agent: { attributes: { nobody: 'x' } } } };
    expect(code(await ask(callOf('impostor')))).toBe('NO_MATCHING_POLICY');
  });

  test('that answers what it does not provide is not believed, whatever the caller claims', async () => {
    said = { ...said, mtls: { agent: { trust_level: 1 }, context: { attributes: { region: 'eu' } } } };
    const context = { ...callOf('region').context, attributes: { region: 'eu' } };
    expect(code(await ask(callOf('region', { context })))).toBe('NO_MATCHING_POLICY');
  });
});
