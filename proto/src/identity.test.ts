import { describe, expect, test } from '@jest/globals';
import { parseApproverIdentity, parsePeerIdentity } from './identity.js';

const DOMAIN = 'prod.acme.example';
const trustDomain = DOMAIN;
const LONGEST = 'a'.repeat(128);

describe('parsePeerIdentity', () => {
  test.each([
    ['/tenant/acme/agent/agent_123', { kind: 'agent', trustDomain, tenant: 'acme', agent: 'agent_123' }],
    ['/tenant/A.b-c_9/agent/0', { kind: 'agent', trustDomain, tenant: 'A.b-c_9', agent: '0' }],
    [`/tenant/${LONGEST}/agent/${LONGEST}`, { kind: 'agent', trustDomain, tenant: LONGEST, agent: LONGEST }],
    // Words of the grammar are ordinary names where a name is expected.
    ['/tenant/tenant/agent/agent', { kind: 'agent', trustDomain, tenant: 'tenant', agent: 'agent' }],
    ['/tenant/.../agent/..a', { kind: 'agent', trustDomain, tenant: '...', agent: '..a' }],
    ['/gateway/edge-1', { kind: 'gateway', trustDomain, name: 'edge-1' }],
    ['/pdp/pdp-0', { kind: 'pdp', trustDomain, name: 'pdp-0' }],
    ['/distributor/d', { kind: 'distributor', trustDomain, name: 'd' }],
    ['/publisher/ci', { kind: 'publisher', trustDomain, name: 'ci' }],
  ])('reads %s', (path, expected) => {
    expect(parsePeerIdentity(`spiffe://${DOMAIN}${path}`, DOMAIN)).toEqual(expected);
  });

  test('tells identities apart by case', () => {
    const upper = parsePeerIdentity(`spiffe://${DOMAIN}/tenant/ACME/agent/a`, DOMAIN);
    expect(upper).not.toEqual(parsePeerIdentity(`spiffe://${DOMAIN}/tenant/acme/agent/a`, DOMAIN));
  });

  test.each([
    ['nothing', ''],
    ['no path', `spiffe://${DOMAIN}`],
    ['an empty path', `spiffe://${DOMAIN}/`],
    ['another scheme', `https://${DOMAIN}/pdp/a`],
    ['the scheme in capitals', `SPIFFE://${DOMAIN}/pdp/a`],
    ['another trust domain', 'spiffe://other.example/pdp/a'],
    ['a trust domain that begins alike', `spiffe://${DOMAIN}.evil.example/pdp/a`],
    ['a trust domain that ends alike', `spiffe://evil.${DOMAIN}/pdp/a`],
    ['the trust domain in capitals', `spiffe://${DOMAIN.toUpperCase()}/pdp/a`],
    ['user information', `spiffe://user@${DOMAIN}/pdp/a`],
    ['a port', `spiffe://${DOMAIN}:443/pdp/a`],
    ['one slash', `spiffe:/${DOMAIN}/pdp/a`],
    ['a leading space', ` spiffe://${DOMAIN}/pdp/a`],
    ['a trailing newline', `spiffe://${DOMAIN}/pdp/a\n`],
    ['a trailing slash', `spiffe://${DOMAIN}/pdp/a/`],
    ['a trailing slash after an agent', `spiffe://${DOMAIN}/tenant/t/agent/a/`],
    ['a doubled slash', `spiffe://${DOMAIN}//pdp/a`],
    ['a doubled slash inside', `spiffe://${DOMAIN}/tenant//agent/a`],
    ['an empty name', `spiffe://${DOMAIN}/pdp/`],
    ['an empty tenant and agent', `spiffe://${DOMAIN}/tenant//agent/`],
    ['no name', `spiffe://${DOMAIN}/pdp`],
    ['no agent', `spiffe://${DOMAIN}/tenant/t`],
    ['no agent name', `spiffe://${DOMAIN}/tenant/t/agent`],
    ['a segment too many', `spiffe://${DOMAIN}/tenant/t/agent/a/b`],
    ['a segment too many after a name', `spiffe://${DOMAIN}/pdp/a/b`],
    ['another word for agent', `spiffe://${DOMAIN}/tenant/t/user/a`],
    ['an unknown kind', `spiffe://${DOMAIN}/admin/a`],
    ['a kind of the prototype', `spiffe://${DOMAIN}/constructor/a`],
    ['a kind in capitals', `spiffe://${DOMAIN}/PDP/a`],
    ['traversal', `spiffe://${DOMAIN}/tenant/../pdp/a`],
    ['traversal as a name', `spiffe://${DOMAIN}/pdp/..`],
    ['a dot as a tenant', `spiffe://${DOMAIN}/tenant/./agent/a`],
    ['traversal as an agent', `spiffe://${DOMAIN}/tenant/t/agent/..`],
    ['percent-encoding', `spiffe://${DOMAIN}/pdp/%61`],
    ['an encoded slash', `spiffe://${DOMAIN}/tenant/t%2Fagent/agent/a`],
    ['a query', `spiffe://${DOMAIN}/pdp/a?b`],
    ['a fragment', `spiffe://${DOMAIN}/pdp/a#b`],
    ['a backslash', `spiffe://${DOMAIN}\\pdp\\a`],
    ['a look-alike letter', `spiffe://${DOMAIN}/tenant/\u0430cme/agent/a`],
    ['a zero byte', `spiffe://${DOMAIN}/pdp/a\0`],
    ['a name of 129 characters', `spiffe://${DOMAIN}/pdp/${LONGEST}a`],
  ])('is undefined for %s', (_name, text) => {
    expect(parsePeerIdentity(text, DOMAIN)).toBeUndefined();
  });

  test('is undefined without a trust domain, whatever the text', () => {
    expect(parsePeerIdentity('spiffe:///pdp/a', '')).toBeUndefined();
  });
});

describe('parseApproverIdentity', () => {
  const read = (path: string): unknown => parseApproverIdentity(`spiffe://${DOMAIN}${path}`, DOMAIN);

  test('reads an approver, who is no peer', () => {
    expect(read('/tenant/acme/approver/vera')).toEqual({ tenant: 'acme', name: 'vera' });
    expect(parsePeerIdentity(`spiffe://${DOMAIN}/tenant/acme/approver/vera`, DOMAIN)).toBeUndefined();
  });

  test.each([
    '/tenant/acme/agent/vera',
    '/tenant/acme/approver/',
    '/tenant//approver/vera',
    '/tenant/acme/approver/vera/x',
    '/tenant/acme/approver/..',
    '/tenant/acme/Approver/vera',
    '/approver/vera',
    '/gateway/vera',
  ])('reads no approver from %s', (path) => {
    expect(read(path)).toBeUndefined();
  });

  test('reads none of another trust domain', () => {
    expect(parseApproverIdentity(`spiffe://${DOMAIN}.evil/tenant/acme/approver/vera`, DOMAIN)).toBeUndefined();
    expect(parseApproverIdentity('spiffe:///tenant/acme/approver/vera', '')).toBeUndefined();
  });
});
