import { describe, expect, test } from '@jest/globals';
import { createLogger, type TlsMaterial } from '@portcullis/runtime';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { contextConfig } from './context-config.js';
import { openContext } from './open-context.js';
import { usersConfig } from './users-config.js';

const log = createLogger({ component: 'test', level: 'silent' });
const issuer = { issuer: 'https://login.test', audience: 'a', jwksFile: 'f' };
const service = { name: 'pip', url: 'https://pip.test', provides: ['user.team'], auth: { type: 'mtls' } };

describe('configuration is refused', () => {
  test.each<[string, object]>([
    ['keys from two places', { issuers: [{ ...issuer, jwksUrl: 'https://login.test/keys' }] }],
    ['keys from nowhere', { issuers: [{ issuer: 'x', audience: 'a' }] }],
    ['keys in the clear', { issuers: [{ issuer: 'x', audience: 'a', jwksUrl: 'http://login.test/keys' }] }],
    ['no audience', { issuers: [{ issuer: 'x', jwksFile: 'f' }] }],
    ['a shared secret', { issuers: [{ ...issuer, algorithms: ['HS256'] }] }],
    ['no signature', { issuers: [{ ...issuer, algorithms: ['none'] }] }],
    ['no algorithm', { issuers: [{ ...issuer, algorithms: [] }] }],
    ['an issuer twice', { issuers: [issuer, issuer] }],
    ['an unknown setting', { trust: 'everybody' }],
  ])('users: %s', (_name, users) => {
    expect(usersConfig.safeParse(users).success).toBe(false);
  });

  test.each<[string, object]>([
    ['a service in the clear', { http: [{ ...service, url: 'http://pip.test' }] }],
    ['a service that provides nothing', { http: [{ ...service, provides: [] }] }],
    ['a service that says who a user is', { http: [{ ...service, provides: ['user.id'] }] }],
    ['a service that says what was approved', { http: [{ ...service, provides: ['context.approval'] }] }],
    ['a service that provides all of a user', { http: [{ ...service, provides: ['user'] }] }],
    ['a service without a way to know it', { http: [{ ...service, auth: undefined }] }],
    ['two services of one name', { http: [service, service] }],
    ['the name of a source of ours', { http: [{ ...service, name: 'registry' }] }],
    ['a store that there is not', { agents: { type: 'file' } }],
  ])('context: %s', (_name, context) => {
    expect(contextConfig.safeParse(context).success).toBe(false);
  });

  test.each<[string, object, object]>([
    ['a service', { http: [{ ...service, timeoutMs: 50 }] }, { code: 'ERR_CONTEXT_TIMEOUT' }],
    ['Redis', { agents: { type: 'redis', url: 'redis://x', timeoutMs: 50 } }, { code: 'ERR_CONTEXT_TIMEOUT' }],
    [
      'a token that cannot be read',
      { http: [{ ...service, auth: { type: 'bearer', tokenFile: '/nowhere/token' } }] },
      { code: 'ERR_CONTEXT_FILE' },
    ],
  ])('at start, as slow as a decision or unusable: %s', async (_name, context, problem) => {
    const tls: TlsMaterial = { current: () => ({ cert: '', key: '', ca: '' }) } as unknown as TlsMaterial;
    const opening = openContext(contextConfig.parse(context), { tls, clock: createFakeClock(), log, deadlineMs: 50 });
    await expect(opening).rejects.toMatchObject(problem);
  });
});

test('without configuration the bundle alone is a source', async () => {
  const tls = {} as unknown as TlsMaterial;
  const open = await openContext(contextConfig.parse({}), { tls, clock: createFakeClock(), log, deadlineMs: 50 });
  expect([open.sources.map(({ name }) => name), open.agents]).toEqual([['registry'], undefined]);
  open.close();
});
