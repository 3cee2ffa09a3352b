import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { type KeySet, openKeySet } from '../tokens/key-set.js';
import { createTokenReader } from './token.js';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const NOW_S = NOW / 1000;
const log = createLogger({ component: 'test', level: 'silent' });
const clock = createFakeClock(NOW);
const jwt = {
  issuer: 'https://issuer.test',
  audience: 'pdp',
  tenantClaim: 'tenant',
  agentClaim: 'sub',
  gatewayClaim: 'gateway',
};
const claims = { iss: jwt.issuer, aud: 'pdp', exp: NOW_S + 60, sub: 'analyst', tenant: 'acme' };

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let keys: Keys;
let other: Keys;
let set: { keys: Awaited<ReturnType<typeof exportJWK>>[] };

beforeAll(async () => {
  keys = await generateKeyPair('ES256');
  other = await generateKeyPair('ES256');
  const secret = { kty: 'oct', k: Buffer.from('secret-secret-secret-secret-secret').toString('base64url'), kid: 'hs' };
  set = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one' }, secret] };
});

/** Claims that are undefined are left out. */
type Claims = Readonly<Record<string, unknown>>;
const sign = (payload: Claims, header: object = {}, by = keys.privateKey): Promise<string> =>
  new SignJWT({ ...payload }).setProtectedHeader({ alg: 'ES256', kid: 'one', ...header }).sign(by);
const reader = (from: KeySet['keys'] = createLocalJWKSet(set)) =>
  createTokenReader({ jwt, keys: from, trustDomain: 'portcullis.test', clock });

describe('a token', () => {
  test.each<[string, Claims, object]>([
    ['an agent', claims, { kind: 'agent', tenant: 'acme', agent: 'analyst', trustDomain: 'portcullis.test' }],
    ['a gateway', { ...claims, tenant: undefined, gateway: 'edge' }, { kind: 'gateway', name: 'edge' }],
    ['for several audiences', { ...claims, aud: ['x', 'pdp'] }, { kind: 'agent' }],
    ['just expired', { ...claims, exp: NOW_S - 4 }, { kind: 'agent' }],
  ])('names %s', async (_name, payload, identity) => {
    expect(await reader().identityOf(await sign(payload))).toMatchObject(identity);
  });

  test.each<[string, Claims]>([
    ['another issuer', { ...claims, iss: 'https://evil.test' }],
    ['no issuer', { ...claims, iss: undefined }],
    ['another audience', { ...claims, aud: 'other' }],
    ['no audience', { ...claims, aud: undefined }],
    ['an end in the past', { ...claims, exp: NOW_S - 60 }],
    ['no end', { ...claims, exp: undefined }],
    ['a beginning in the future', { ...claims, nbf: NOW_S + 60 }],
    ['no tenant', { ...claims, tenant: undefined }],
    ['a tenant that is no text', { ...claims, tenant: ['acme'] }],
    ['an empty agent', { ...claims, sub: '' }],
    ['an agent with a path', { ...claims, sub: 'a/b' }],
    ['a tenant that reaches further', { ...claims, tenant: 'acme/agent/root' }],
    ['a gateway and a tenant', { ...claims, gateway: 'edge' }],
    ['a gateway that is no text', { ...claims, tenant: undefined, gateway: 1 }],
  ])('is refused: %s', async (_name, payload) => {
    await expect(reader().identityOf(await sign(payload))).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  test('is refused: signed by nobody, by another key, with a shared secret, changed, or with an unknown key', async () => {
    const secret = Buffer.from('secret-secret-secret-secret-secret');
    const good = await sign(claims);
    const [head = '', , signature = ''] = good.split('.');
    const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url');
    const refused = [
      new UnsecuredJWT(claims).encode(),
      await sign(claims, {}, other.privateKey),
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'hs' }).sign(secret),
      `${head}.${changed}.${signature}`,
      await sign(claims, { kid: 'two' }),
      'x',
      '',
    ];
    for (const token of refused) {
      await expect(reader().identityOf(token)).rejects.toMatchObject({ kind: 'unauthenticated' });
    }
    expect(await reader().identityOf(good)).toMatchObject({ agent: 'analyst' });
  });
});

describe('the keys', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portcullis-keys-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('follow their file, and stay when it is broken', async () => {
    const jwksFile = join(folder, 'jwks.json');
    await writeFile(jwksFile, JSON.stringify(set));
    const opened = await openKeySet({ jwksFile }, { log });
    const tokens = reader(opened.keys);
    const [old, fresh] = [await sign(claims), await sign(claims, { kid: 'two' }, other.privateKey)];
    await expect(tokens.identityOf(fresh)).rejects.toMatchObject({ kind: 'unauthenticated' });
    await writeFile(jwksFile, '{');
    await opened.refresh();
    expect(await tokens.identityOf(old)).toMatchObject({ agent: 'analyst' });
    await writeFile(jwksFile, JSON.stringify({ keys: [{ ...(await exportJWK(other.publicKey)), kid: 'two' }] }));
    await opened.refresh();
    await expect(tokens.identityOf(old)).rejects.toMatchObject({ kind: 'unauthenticated' });
    expect(await tokens.identityOf(fresh)).toMatchObject({ agent: 'analyst' });
    opened.close();
  });

  test.each([
    ['is not there', undefined],
    ['is no JSON', '{'],
    ['has no keys', '{}'],
    ['has a key twice', '{"keys":[],"keys":[]}'],
  ])('a file that %s keeps the PDP from starting', async (_name, text) => {
    const jwksFile = join(folder, 'bad.json');
    await rm(jwksFile, { force: true });
    if (text !== undefined) await writeFile(jwksFile, text);
    await expect(openKeySet({ jwksFile }, { log })).rejects.toMatchObject({ code: 'ERR_HTTP_KEYS' });
  });

  const url = { jwksUrl: 'https://issuer.test/jwks' };
  test('come from a URL', async () => {
    const { keys: remote } = await openKeySet(url, { log, fetch: async () => Response.json(set) });
    expect(await reader(remote).identityOf(await sign(claims))).toMatchObject({ agent: 'analyst' });
  });

  test.each([
    ['does not answer', () => Promise.reject(new TypeError('fetch failed'))],
    ['fails', async () => new Response('', { status: 500 })],
    ['answers something else', async () => Response.json({ keys: 'none' })],
  ])('a URL that %s accepts nobody, and says that it may later', async (_name, fetch) => {
    const { keys: remote } = await openKeySet(url, { log, fetch });
    await expect(reader(remote).identityOf(await sign(claims))).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'ERR_HTTP_KEYS',
    });
  });
});
