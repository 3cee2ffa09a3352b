import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  createDevelopmentPki,
  type DevelopmentPki,
  type IssuedLeaf,
  issueLeaf,
  type LeafOverrides,
} from './development.js';
import { type LeafIdentity, type LeafKind, parseLeafIdentity } from './identity.js';

const NOW = new Date('2026-11-22T12:00:00Z');
const DAY_MS = 86_400_000;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

const IDENTITIES: readonly LeafIdentity[] = [
  { kind: 'pdp', name: 'pdp-1' },
  { kind: 'distributor', name: 'main' },
  { kind: 'publisher', name: 'ci' },
  { kind: 'gateway', name: 'edge' },
  { kind: 'agent', tenant: 'acme', agent: 'bot' },
];

async function makePki(now = NOW): Promise<DevelopmentPki> {
  return createDevelopmentPki({ trustDomain: 'example.org', leaves: IDENTITIES, now, days: 30 });
}

function leafOf(pki: DevelopmentPki, kind: LeafKind): IssuedLeaf {
  const leaf = pki.leaves.find(({ identity }) => identity.kind === kind);
  if (leaf === undefined) throw new Error(`no ${kind}`);
  return leaf;
}

describe('createDevelopmentPki', () => {
  test.each<[LeafKind, string, string[], boolean]>([
    ['pdp', 'spiffe://example.org/pdp/pdp-1', [SERVER_AUTH, CLIENT_AUTH], true],
    ['distributor', 'spiffe://example.org/distributor/main', [SERVER_AUTH, CLIENT_AUTH], true],
    ['publisher', 'spiffe://example.org/publisher/ci', [CLIENT_AUTH], false],
    ['gateway', 'spiffe://example.org/gateway/edge', [CLIENT_AUTH], false],
    ['agent', 'spiffe://example.org/tenant/acme/agent/bot', [CLIENT_AUTH], false],
  ])('a %s has its identity, its usages, and addresses only when it serves', async (kind, uri, usages, serves) => {
    const pki = await makePki();
    const leaf = leafOf(pki, kind);
    const certificate = new X509Certificate(leaf.certPem);
    const ca = new X509Certificate(pki.authority.certPem);
    expect(leaf.spiffeId).toBe(uri);
    expect(certificate.subjectAltName).toBe(
      serves ? `URI:${uri}, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1` : `URI:${uri}`,
    );
    expect(certificate.keyUsage).toEqual(usages);
    expect(certificate.ca).toBe(false);
    expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.validFromDate.getTime()).toBe(NOW.getTime() - 5 * 60_000);
    expect(certificate.validToDate.getTime()).toBe(NOW.getTime() + 30 * DAY_MS);
  });

  test('the authority says its trust domain and signs leaves only', async () => {
    const { authority } = await makePki();
    const ca = new X509Certificate(authority.certPem);
    expect(ca.ca).toBe(true);
    expect(ca.subjectAltName).toBe('URI:spiffe://example.org');
    expect(ca.verify(ca.publicKey)).toBe(true);
    expect(ca.subject).toContain('not for production');
    expect(ca.validToDate.getTime()).toBe(NOW.getTime() + 365 * DAY_MS);
  });

  test('no two certificates share a serial number or a key', async () => {
    const { leaves } = await makePki();
    const certificates = leaves.map((leaf) => new X509Certificate(leaf.certPem));
    expect(new Set(certificates.map((one) => one.serialNumber)).size).toBe(leaves.length);
    expect(new Set(leaves.map((one) => one.keyPem)).size).toBe(leaves.length);
    for (const { serialNumber } of certificates) expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test('a leaf never outlives its authority', async () => {
    const { authority } = await makePki();
    const late = new Date(NOW.getTime() + 364 * DAY_MS);
    const leaf = await issueLeaf(authority, { kind: 'pdp', name: 'x' }, { now: late, days: 90 });
    expect(new X509Certificate(leaf.certPem).validToDate).toEqual(new X509Certificate(authority.certPem).validToDate);
  });

  test('an approver is named in a tenant, and the certificate is short', async () => {
    const { authority } = await makePki();
    const vera = parseLeafIdentity('approver', 'acme/vera');
    const leaf = await issueLeaf(authority, vera, { now: NOW });
    expect([leaf.spiffeId, leaf.folder]).toEqual([
      'spiffe://example.org/tenant/acme/approver/vera',
      'approver-acme-vera',
    ]);
    const { validToDate } = new X509Certificate(leaf.certPem);
    expect(validToDate.getTime() - NOW.getTime()).toBeLessThanOrEqual(25 * 3_600_000);
    await expect(issueLeaf(authority, vera, { now: NOW, days: 7 })).resolves.toMatchObject({ identity: vera });
    await expect(issueLeaf(authority, vera, { now: NOW, days: 8 })).rejects.toMatchObject({ code: 'ERR_CLI_USAGE' });
    expect(() => parseLeafIdentity('approver', 'vera')).toThrow('TENANT/NAME');
  });

  test('refuses an authority whose key belongs to another', async () => {
    const [a, b] = [await makePki(), await makePki()];
    const mixed = { ...a.authority, keyPem: b.authority.keyPem };
    await expect(issueLeaf(mixed, { kind: 'pdp', name: 'x' }, { now: NOW })).rejects.toMatchObject({
      code: 'ERR_PKI_CA_MISMATCH',
    });
  });

  test.each(['', 'Example.org', 'example.org/x', 'a b', 'a,URI:spiffe://evil', 'x'.repeat(256)])(
    'refuses the trust domain %j',
    async (trustDomain) => {
      await expect(createDevelopmentPki({ trustDomain, leaves: [], now: NOW })).rejects.toMatchObject({
        code: 'ERR_CLI_USAGE',
      });
    },
  );
});

describe('parseLeafIdentity', () => {
  test.each<[LeafKind, string]>([
    ['agent', 'bot'],
    ['agent', 'acme/bot/x'],
    ['agent', '/bot'],
    ['agent', 'acme/'],
    ['agent', 'acme/..'],
    ['agent', 'ac me/bot'],
    ['pdp', ''],
    ['pdp', '.'],
    ['pdp', '..'],
    ['pdp', 'a/b'],
    ['pdp', 'a%2fb'],
    ['pdp', 'ü'],
    ['pdp', 'x'.repeat(129)],
    ['publisher', 'a\nb'],
  ])('refuses --%s %j', (kind, text) => {
    expect(() => parseLeafIdentity(kind, text)).toThrow(expect.objectContaining({ code: 'ERR_CLI_USAGE' }));
  });
});

describe('a TLS 1.3 handshake', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  /**
   * Resolves with the identity that the server saw of the client; rejects with the client's error, or with the reason
   * why a server would refuse (it goes on here, because a server that refuses does not tell the reason).
   */
  async function handshake(
    ca: string,
    serverPair: { readonly certPem: string; readonly keyPem: string },
    clientPair: { readonly certPem: string; readonly keyPem: string } | undefined,
  ): Promise<string | undefined> {
    const listening = createServer({
      key: serverPair.keyPem,
      cert: serverPair.certPem,
      ca,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    });
    server = listening;
    listening.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      listening.once('tlsClientError', reject);
      listening.once('secureConnection', (socket: TLSSocket) => {
        if (socket.authorized) resolve(socket.getPeerX509Certificate()?.subjectAltName);
        else reject(new Error(String(socket.authorizationError)));
        socket.destroy();
      });
      const pair = clientPair === undefined ? {} : { key: clientPair.keyPem, cert: clientPair.certPem };
      connect({ host: '127.0.0.1', port, ca, ...pair, minVersion: 'TLSv1.3' }).once('error', reject);
    });
  }

  test('succeeds between a PDP and an agent, and names the agent', async () => {
    const pki = await makePki(new Date());
    const seen = await handshake(pki.authority.certPem, leafOf(pki, 'pdp'), leafOf(pki, 'agent'));
    expect(seen).toBe('URI:spiffe://example.org/tenant/acme/agent/bot');
  });

  const past = { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') };
  test.each<[string, LeafOverrides, RegExp]>([
    ['has expired', past, /CERT_HAS_EXPIRED/],
    ['is not valid yet', { notBefore: new Date('2090-01-01'), notAfter: new Date('2091-01-01') }, /CERT_NOT_YET_VALID/],
    ['may not be used by a client', { usages: ['server'] }, /INVALID_PURPOSE/],
  ])('fails for a client certificate that %s', async (_name, overrides, message) => {
    const pki = await makePki(new Date());
    const client = await issueLeaf(
      pki.authority,
      { kind: 'agent', tenant: 'acme', agent: 'bot' },
      { now: new Date(), overrides },
    );
    await expect(handshake(pki.authority.certPem, leafOf(pki, 'pdp'), client)).rejects.toThrow(message);
  });

  test.each<[string, LeafOverrides, RegExp]>([
    ['has expired', past, /expired/],
    ['may not be used by a server', { usages: ['client'] }, /unsuitable certificate purpose/],
    ['names another address', { ipAddresses: ['192.0.2.1'], dnsNames: [] }, /not in the cert's list/],
  ])('fails for a server certificate that %s', async (_name, overrides, message) => {
    const pki = await makePki(new Date());
    const pdp = await issueLeaf(pki.authority, { kind: 'pdp', name: 'pdp-1' }, { now: new Date(), overrides });
    await expect(handshake(pki.authority.certPem, pdp, leafOf(pki, 'agent'))).rejects.toThrow(message);
  });

  test('fails without a client certificate', async () => {
    const pki = await makePki(new Date());
    await expect(handshake(pki.authority.certPem, leafOf(pki, 'pdp'), undefined)).rejects.toThrow(
      /UNABLE_TO_GET_ISSUER_CERT/,
    );
  });

  test('fails for a certificate of another authority of the same name', async () => {
    const [ours, theirs] = [await makePki(new Date()), await makePki(new Date())];
    await expect(handshake(ours.authority.certPem, leafOf(ours, 'pdp'), leafOf(theirs, 'agent'))).rejects.toThrow(
      /UNABLE_TO_VERIFY|CERT_SIGNATURE_FAILURE/,
    );
  });

  test('a certificate with any alternative names can be made, for tests of what must refuse them', async () => {
    const { authority } = await makePki();
    const uris = ['spiffe://example.org/pdp/a', 'spiffe://example.org/pdp/b'];
    const leaf = await issueLeaf(
      authority,
      { kind: 'pdp', name: 'a' },
      { now: NOW, overrides: { uris, dnsNames: [], ipAddresses: [] } },
    );
    expect(new X509Certificate(leaf.certPem).subjectAltName).toBe(uris.map((uri) => `URI:${uri}`).join(', '));
  });
});
