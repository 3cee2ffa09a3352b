import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { UserSubject } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import { createLogger } from '@portcullis/runtime';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTVerifyGetKey, SignJWT, UnsecuredJWT } from 'jose';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { pipelineOf } from '../fixtures/pipeline.js';
import { engineOf } from '../fixtures/policies.js';
import { AGENT, GATEWAY, toolCall } from '../fixtures/requests.js';
import type { UserAuthority } from '../pipeline/ports.js';
import { createUserAuthority, type OpenUserAuthority, openUserAuthority } from './users.js';
import { usersConfig } from './users-config.js';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const NOW_S = NOW / 1_000;
const ISSUER = 'https://login.test';
const CLAIMS = { iss: ISSUER, aud: 'portcullis', exp: NOW_S + 60, sub: 'alice', email: 'a@acme.test', role: 'admin' };
const log = createLogger({ component: 'test', level: 'silent' });

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let own: Keys;
let foreign: Keys;
let keys: JWTVerifyGetKey;
let foreignKeys: JWTVerifyGetKey;
const closing: OpenUserAuthority[] = [];

const setOf = async (pair: Keys): Promise<JWTVerifyGetKey> =>
  createLocalJWKSet({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k' }] });

beforeAll(async () => {
  own = await generateKeyPair('ES256');
  foreign = await generateKeyPair('ES256');
  keys = await setOf(own);
  foreignKeys = await setOf(foreign);
});
afterAll(() => {
  for (const authority of closing) authority.close();
});

const sign = (claims: object, by = own): Promise<string> =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(by.privateKey);

interface Setting {
  readonly issuer?: object;
  readonly users?: object;
  readonly clock?: FakeClock;
  /** Told at every look at the keys. */
  readonly looked?: () => void;
}

function authority({ issuer, users, clock = createFakeClock(NOW), looked }: Setting = {}): UserAuthority {
  const config = usersConfig.parse({
    issuers: [
      { issuer: ISSUER, audience: 'portcullis', jwksFile: 'x', ...issuer },
      { issuer: 'https://other.test', audience: 'portcullis', jwksFile: 'x' },
    ],
    assertedBy: ['edge'],
    ...users,
  });
  const keysOf =
    (which: { readonly issuer: string }): JWTVerifyGetKey =>
    (header, token) => {
      looked?.();
      return which.issuer === ISSUER ? keys(header, token) : foreignKeys(header, token);
    };
  return createUserAuthority({ config, keysOf, clock });
}

const ADMINS = engineOf([
  { name: 'Admins', when: { field: 'user.role', operator: 'equals', value: 'admin' }, effect: 'allow', priority: 1 },
]);

describe('a user counts', () => {
  test('when a token names it, whatever else the request is silent about', async () => {
    const { decide } = pipelineOf(ADMINS, { users: authority() });
    const request = toolCall('read');
    expect(await decide(request)).toMatchObject({ allow: false, deny: [{ code: 'NO_MATCHING_POLICY' }] });
    const decision = await decide(request, { userToken: await sign(CLAIMS) });
    expect(decision.allow).toBe(true);
    expect(decision.request_digest).toBe(requestDigestHex(request));
  });

  test('when the request says a part of what the token says', async () => {
    const { decide } = pipelineOf(ADMINS, { users: authority() });
    const userToken = await sign(CLAIMS);
    for (const user of [{ id: 'alice' }, { id: 'alice', email: 'a@acme.test', role: 'admin' }, {}]) {
      expect((await decide(toolCall('read', { user }), { userToken })).allow).toBe(true);
    }
  });

  test('when a gateway says so that may', async () => {
    const { decide } = pipelineOf(ADMINS, { users: authority() });
    const request = toolCall('read', { user: { id: 'alice', role: 'admin' } });
    expect((await decide(request, { caller: GATEWAY })).allow).toBe(true);
  });

  test('and is what sources and followers are told of', async () => {
    const seen: (UserSubject | undefined)[] = [];
    const { decide } = pipelineOf(ADMINS, {
      users: authority(),
      followers: [{ follows: () => true, decided: ({ request }) => void seen.push(request.user) }],
    });
    await decide(toolCall('read', { user: { id: 'alice' } }), { userToken: await sign(CLAIMS) });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([{ id: 'alice', email: 'a@acme.test', role: 'admin' }]);
  });
});

describe('a user that nobody vouches for is refused', () => {
  const claiming = (user: UserSubject) => toolCall('read', { user });

  test.each([
    ['by an agent', AGENT, ['edge']],
    ['by a gateway that may not say so', GATEWAY, ['another']],
  ] as const)('%s', async (_name, caller, assertedBy) => {
    const { decide } = pipelineOf(ADMINS, { users: authority({ users: { assertedBy: [...assertedBy] } }) });
    expect(await decide(claiming({ id: 'alice', role: 'admin' }), { caller })).toMatchObject({
      effect: 'deny',
      deny: [{ code: 'REQUEST_INVALID', path: 'user' }],
    });
  });

  test.each([AGENT, GATEWAY])('without a configuration of users, by $kind', async (caller) => {
    const { decide } = pipelineOf(ADMINS);
    expect(await decide(claiming({ id: 'alice' }), { caller })).toMatchObject({ deny: [{ path: 'user' }] });
    expect(await decide(toolCall('read'), { caller, userToken: await sign(CLAIMS) })).toMatchObject({
      deny: [{ code: 'IDENTITY_REJECTED', path: 'user_token' }],
    });
  });

  test.each<[string, UserSubject]>([
    ['another id', { id: 'bob' }],
    ['a role that it does not have', { id: 'alice', role: 'owner' }],
    ['a team that the token is silent about', { id: 'alice', team: 'treasury' }],
    ['an attribute that the token is silent about', { id: 'alice', attributes: { clearance: 5 } }],
    ['a name of every object', { toString: 'x' } as unknown as UserSubject],
  ])('beside a token: %s', async (_name, user) => {
    const { decide } = pipelineOf(ADMINS, { users: authority() });
    for (const caller of [AGENT, GATEWAY]) {
      const decision = await decide(claiming(user), { caller, userToken: await sign(CLAIMS) });
      expect(decision.deny).toMatchObject([{ code: 'REQUEST_INVALID' }]);
    }
  });
});

describe('a token is refused', () => {
  const unsigned = (): Promise<string> => Promise.resolve(new UnsecuredJWT({ ...CLAIMS }).encode());

  test.each<[string, () => Promise<string>, Setting?]>([
    ['when it is over', () => sign({ ...CLAIMS, exp: NOW_S - 60 })],
    ['when it has no end', () => sign({ ...CLAIMS, exp: undefined })],
    ['when it is for somebody else', () => sign({ ...CLAIMS, aud: 'billing' })],
    ['when it is of an unknown issuer', () => sign({ ...CLAIMS, iss: 'https://evil.test' })],
    ['when it is signed by the keys of another issuer', () => sign(CLAIMS, foreign)],
    ['when another issuer claims this one’s users', () => sign({ ...CLAIMS, iss: 'https://other.test' })],
    ['when it is not signed', unsigned],
    ['when its algorithm is not pinned', () => sign(CLAIMS), { issuer: { algorithms: ['RS256'] } }],
    ['when its issuer does not speak for the tenant', () => sign(CLAIMS), { issuer: { tenants: ['rival'] } }],
    ['when it names no user', () => sign({ ...CLAIMS, sub: undefined })],
    ['when a claim is of another type', () => sign({ ...CLAIMS, role: ['admin'] })],
    ['when a claim is longer than any field', () => sign({ ...CLAIMS, role: 'x'.repeat(1_025) })],
    ['when it is too long', () => sign({ ...CLAIMS, pad: 'x'.repeat(300) }), { users: { maxTokenBytes: 300 } }],
    ['when it is no token', () => Promise.resolve('not a token')],
  ])('%s', async (_name, token, setting = {}) => {
    const { decide, defects } = pipelineOf(ADMINS, { users: authority(setting) });
    const userToken = await token();
    const decision = await decide(toolCall('read'), { userToken });
    expect(decision).toMatchObject({ effect: 'deny', deny: [{ code: 'IDENTITY_REJECTED', path: 'user_token' }] });
    expect(JSON.stringify(decision)).not.toContain(userToken);
    expect(defects).toEqual([]);
  });

  test('and is nowhere in the record of the decision, nor is one that was accepted', async () => {
    const records: unknown[] = [];
    const sink = { append: async (record: unknown) => void records.push(record) };
    const { decide } = pipelineOf(ADMINS, { users: authority(), sink });
    for (const claims of [CLAIMS, { ...CLAIMS, exp: NOW_S - 60 }]) {
      const userToken = await sign(claims);
      await decide(toolCall('read'), { userToken });
      expect(JSON.stringify(records)).not.toContain(userToken.split('.')[1]);
    }
    expect(records).toHaveLength(2);
  });

  test('when its keys do not come in time, by the deadline', async () => {
    const clock = createFakeClock(NOW);
    const never: UserAuthority = { assertedBy: new Set(), verify: () => new Promise(() => undefined) };
    const { decide } = pipelineOf(ADMINS, { users: never }, clock);
    const decision = await decide(toolCall('read'), { userToken: 'x', deadline: clock.monotonic() + 5 });
    expect(decision).toMatchObject({ effect: 'deny', deny: [{ code: 'PDP_TIMEOUT' }] });
  });

  test('when its keys cannot be fetched', async () => {
    const config = usersConfig.parse({
      issuers: [{ issuer: ISSUER, audience: 'portcullis', jwksUrl: 'https://login.test/keys' }],
    });
    const users = await openUserAuthority(config, {
      clock: createFakeClock(NOW),
      log,
      fetch: () => Promise.reject(new Error('down')),
    });
    closing.push(users);
    const decision = await pipelineOf(ADMINS, { users }).decide(toolCall('read'), { userToken: await sign(CLAIMS) });
    expect(decision).toMatchObject({ deny: [{ code: 'IDENTITY_REJECTED' }] });
  });
});

describe('the claims of a token', () => {
  test('become the fields that the configuration says', async () => {
    const issuer = {
      claims: {
        id: 'email',
        role: ['realm', 'role'],
        team: 'department',
        attributes: { groups: ['realm', 'groups'], absent: 'nowhere', 'a.b': 'https://claims.test/floor' },
      },
    };
    const token = await sign({
      ...CLAIMS,
      realm: { role: 'lead', groups: ['a', 'b'] },
      department: 'growth',
      'https://claims.test/floor': 3,
    });
    expect(await authority({ issuer }).verify(token, 'acme')).toEqual({
      id: 'a@acme.test',
      email: 'a@acme.test',
      role: 'lead',
      team: 'growth',
      attributes: { groups: ['a', 'b'], 'a.b': 3 },
    });
  });

  test.each([false, 'false', 'true', 0])('make no address of one whose email_verified is %j', async (verified) => {
    expect(await authority().verify(await sign({ ...CLAIMS, email_verified: verified }), 'acme')).toEqual({
      id: 'alice',
      role: 'admin',
    });
  });
});

describe('a verified token is remembered', () => {
  test('for its time, and never beyond its end', async () => {
    const clock = createFakeClock(NOW);
    let looks = 0;
    const users = authority({ clock, looked: () => (looks += 1), users: { rememberSeconds: 10 } });
    const token = await sign({ ...CLAIMS, exp: NOW_S + 12 });
    for (let round = 0; round < 3; round += 1) await users.verify(token, 'acme');
    expect(looks).toBe(1);
    clock.advance(10_000);
    await users.verify(token, 'acme');
    expect(looks).toBe(2);
    clock.advance(7_100);
    await expect(async () => users.verify(token, 'acme')).rejects.toMatchObject({ code: 'ERR_IDENTITY_REJECTED' });
  });

  test('only for the tenants of its issuer', async () => {
    const users = authority({ issuer: { tenants: ['acme'] } });
    const token = await sign(CLAIMS);
    await users.verify(token, 'acme');
    expect(() => users.verify(token, 'rival')).toThrow('does not speak for this tenant');
  });

  test('at most so many at once', async () => {
    let looks = 0;
    const users = authority({ looked: () => (looks += 1), users: { maxRemembered: 2 } });
    const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => sign({ ...CLAIMS, sub })));
    for (const token of tokens) await users.verify(token, 'acme');
    await users.verify(tokens[2] ?? '', 'acme');
    expect(looks).toBe(3);
    await users.verify(tokens[0] ?? '', 'acme');
    expect(looks).toBe(4);
  });
});
