import 'reflect-metadata';
import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { PortcullisError } from '@portcullis/runtime';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Clocks of machines that were just started differ a little. */
const BACKDATE_MS = 5 * 60_000;

/** A certificate and its private key (PKCS #8), both PEM. */
export interface PemPair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** What a certificate may be used for in a TLS handshake. */
export type TlsUsage = 'server' | 'client';

/** Everything that goes into a leaf. Nothing is checked: fault tests need certificates that are wrong. */
export interface LeafCertificate {
  readonly commonName: string;
  readonly uris: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly usages: readonly TlsUsage[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key));
}

/** Positive and without leading zeros, as RFC 5280 §4.1.2.2 asks. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** A day count from `now`, with the start moved back by five minutes for clocks that lag. */
export function validity(now: Date, days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(now.getTime() - BACKDATE_MS), notAfter: new Date(now.getTime() + days * DAY_MS) };
}

/** Makes a self-signed P-256 CA that may sign leaves only (path length 0). */
export async function createAuthority(options: {
  readonly commonName: string;
  /** The trust domain as a URI, e.g. `spiffe://example.org`: SPIFFE's way to say whom a CA speaks for. */
  readonly uri: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}): Promise<PemPair> {
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [options.commonName] }, { O: ['Portcullis development, not for production'] }],
    notBefore: options.notBefore,
    notAfter: options.notAfter,
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: options.uri }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: await exportKey(keys.privateKey) };
}

async function signingKey(authority: PemPair): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(authority.keyPem);
  const issuer = new x509.X509Certificate(authority.certPem);
  const fromKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  if (!fromKey.equals(Buffer.from(issuer.publicKey.rawData))) {
    throw new PortcullisError('ERR_PKI_CA_MISMATCH', 'corrupt', 'the CA key does not belong to the CA certificate');
  }
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', Uint8Array.from(der), KEY, false, ['sign']);
}

const USAGE_OID = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
} as const satisfies Record<TlsUsage, x509.ExtendedKeyUsage>;

/**
 * Signs one leaf with a fresh P-256 key, exactly as described.
 * @throws PortcullisError `ERR_PKI_CA_MISMATCH` when the authority's key and certificate are not a pair.
 */
export async function signLeaf(authority: PemPair, leaf: LeafCertificate): Promise<PemPair> {
  const issuer = new x509.X509Certificate(authority.certPem);
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const names: x509.JsonGeneralNames = [
    ...leaf.uris.map((value) => ({ type: 'url' as const, value })),
    ...(leaf.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(leaf.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [leaf.commonName] }],
    issuer: issuer.subject,
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    signingAlgorithm: SIGNATURE,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(leaf.usages.map((usage) => USAGE_OID[usage])),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: await exportKey(keys.privateKey) };
}
