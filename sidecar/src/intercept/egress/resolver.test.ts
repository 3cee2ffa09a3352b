import { afterEach, describe, expect, test } from '@jest/globals';
import { egressConfig } from './config.js';
import { createResolver, type NameLookup, systemLookup } from './resolver.js';

const limits = (changes: Record<string, unknown> = {}) => egressConfig.parse({ resolve: changes }).resolve;
const absent = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });

/** What the resolver relies on; the fake that the other tests use has to keep it, too. */
describe.each<[string, NameLookup, string]>([
  ['the system', systemLookup, 'localhost'],
  ['a fake', async (host) => (host === 'known.test' ? ['127.0.0.1'] : Promise.reject(absent)), 'known.test'],
])('who knows names: %s', (_name, names, known) => {
  test('says addresses, in their usual spelling', async () => {
    const addresses = await names(known);
    expect(addresses.length).toBeGreaterThan(0);
    for (const address of addresses) expect(['127.0.0.1', '::1']).toContain(address);
  });

  test('rejects for a name that there is not', async () => {
    // Where nobody can be asked, that is the reason.
    expect(await createResolver(names, limits())('no-such-name.invalid')).toMatchObject({ kind: 'unresolved' });
  });
});

describe('resolving', () => {
  const release: (() => void)[] = [];
  const never: NameLookup = () =>
    new Promise((resolve) => {
      release.push(() => resolve(['192.0.2.1']));
    });
  afterEach(() => {
    for (const done of release.splice(0)) done();
  });

  test.each<[string, readonly string[], object]>([
    [
      'says every address once, in one spelling',
      ['2001:DB8:0::1', '2001:db8::1', '192.0.2.1'],
      { kind: 'addresses', addresses: ['2001:db8::1', '192.0.2.1'] },
    ],
    ['keeps a mapped address as one', ['::FFFF:192.0.2.1'], { kind: 'addresses', addresses: ['::ffff:192.0.2.1'] }],
    ['has no address for an empty answer', [], { kind: 'unresolved', reason: 'not_found' }],
    [
      'judges no answer with an address that it cannot read',
      ['192.0.2.1', '010.0.0.1'],
      { kind: 'unresolved', reason: 'unusable' },
    ],
    ['judges no address of one interface', ['fe80::1%eth0'], { kind: 'unresolved', reason: 'unusable' }],
    [
      'judges no answer that is too long',
      ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'],
      { kind: 'unresolved', reason: 'too_many' },
    ],
  ])('%s', async (_name, found, expected) => {
    expect(await createResolver(async () => found, limits({ maxAddresses: 3 }))('a.test')).toEqual(expected);
  });

  test('waits for so long, and for so many', async () => {
    const resolver = createResolver(never, limits({ timeoutMs: 100, maxPending: 1 }));
    const first = resolver('a.test');
    expect(await resolver('b.test')).toEqual({ kind: 'unresolved', reason: 'busy' });
    expect(await first).toEqual({ kind: 'unresolved', reason: 'timeout' });
    // The system has still not answered, so its place is taken.
    expect(await resolver('c.test')).toEqual({ kind: 'unresolved', reason: 'busy' });
  });

  test('looks up no other names than it may', async () => {
    const asked: string[] = [];
    const names: NameLookup = async (host) => {
      asked.push(host);
      return ['192.0.2.1'];
    };
    const resolver = createResolver(names, limits({ only: ['a.test', '*.b.test'] }));
    expect(await resolver('secret.evil.test')).toEqual({ kind: 'unresolved', reason: 'not_asked' });
    await resolver('a.test');
    await resolver('x.b.test');
    expect(await resolver('b.test')).toEqual({ kind: 'unresolved', reason: 'not_asked' });
    expect(asked).toEqual(['a.test', 'x.b.test']);
  });

  test('says that it failed where the reason is another one', async () => {
    const names: NameLookup = () => Promise.reject(Object.assign(new Error('servers fail'), { code: 'EAI_AGAIN' }));
    expect(await createResolver(names, limits())('a.test')).toEqual({ kind: 'unresolved', reason: 'failed' });
  });
});
