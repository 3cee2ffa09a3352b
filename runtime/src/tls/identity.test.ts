import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { isCurrentlyValid, isSpiffeId, spiffeIdOf } from './identity.js';
import { createTestAuthority } from './test-authority.js';

const peer = (fields: Partial<PeerCertificate>): PeerCertificate => fields as PeerCertificate;

describe('spiffeIdOf', () => {
  test.each([
    ['one identity', 'URI:spiffe://td.example/pdp/a', 'spiffe://td.example/pdp/a'],
    ['beside a host name', 'DNS:localhost, URI:spiffe://td/pdp/a, IP Address:127.0.0.1', 'spiffe://td/pdp/a'],
    ['no names', undefined, undefined],
    ['only a host name', 'DNS:spiffe', undefined],
    ['two identities', 'URI:spiffe://td/a, URI:spiffe://td/b', undefined],
    ['the same identity twice', 'URI:spiffe://td/a, URI:spiffe://td/a', undefined],
    ['another URI beside it', 'URI:https://x, URI:spiffe://td/a', undefined],
    ['another scheme', 'URI:https://td/a', undefined],
    ['an identity hidden in a quoted host name', 'DNS:"x, URI:spiffe://td/evil"', undefined],
    ['a quoted host name before the identity', 'DNS:"x, URI:spiffe://td/evil", URI:spiffe://td/a', 'spiffe://td/a'],
    ['an escaped quote before it', 'DNS:"a\\", URI:spiffe://td/evil", URI:spiffe://td/a', 'spiffe://td/a'],
    ['a quoted identity', 'URI:"spiffe://td/a"', undefined],
    ['text that is no list', 'URI:spiffe://td/a,', undefined],
    ['a cut quote', 'DNS:"x, URI:spiffe://td/a', undefined],
  ])('%s', (_name, subjectaltname, expected) => {
    expect(spiffeIdOf(peer(subjectaltname === undefined ? {} : { subjectaltname }))).toBe(expected);
  });

  test('reads a real certificate', async () => {
    const authority = await createTestAuthority('ca');
    const one = await authority.issue({ uris: ['spiffe://td/pdp/a'], dns: ['localhost'] });
    const two = await authority.issue({ uris: ['spiffe://td/pdp/a', 'spiffe://td/pdp/b'] });
    const none = await authority.issue({ dns: ['x, URI:spiffe://td/evil'] });
    expect(spiffeIdOf(new X509Certificate(one.cert))).toBe('spiffe://td/pdp/a');
    expect(spiffeIdOf(new X509Certificate(two.cert))).toBeUndefined();
    expect(spiffeIdOf(new X509Certificate(none.cert))).toBeUndefined();
  });
});

test.each([
  ['spiffe://td/tenant/t-1/agent/a.b_c', true],
  ['spiffe://td', true],
  ['spiffe://td/', false],
  ['spiffe://td//a', false],
  ['spiffe://td/../a', false],
  ['spiffe://td/./a', false],
  ['spiffe://TD/a', false],
  ['SPIFFE://td/a', false],
  ['spiffe://td:443/a', false],
  ['spiffe://user@td/a', false],
  ['spiffe://td/a?b', false],
  ['spiffe://td/a#b', false],
  ['spiffe://td/%61', false],
  ['spiffe://td/a\n', false],
  ['spiffe:///a', false],
  [`spiffe://td/${'a'.repeat(2048)}`, false],
])('isSpiffeId(%j) is %s', (id, expected) => {
  expect(isSpiffeId(id)).toBe(expected);
});

test.each([
  ['before', '2026-01-01T00:00:00Z', false],
  ['at the first second', '2026-01-02T00:00:00Z', true],
  ['inside', '2026-01-02T12:00:00Z', true],
  ['at the last second', '2026-01-03T00:00:00Z', true],
  ['after', '2026-01-03T00:00:01Z', false],
])('isCurrentlyValid %s', (_name, now, expected) => {
  const certificate = peer({ valid_from: 'Jan  2 00:00:00 2026 GMT', valid_to: 'Jan  3 00:00:00 2026 GMT' });
  expect(isCurrentlyValid(certificate, Date.parse(now))).toBe(expected);
});

test('a certificate without readable dates is not valid', () => {
  expect(isCurrentlyValid(peer({ valid_from: 'soon', valid_to: 'later' }), 0)).toBe(false);
});
