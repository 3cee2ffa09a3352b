/** Certificates for intercepted hosts, of an authority that lives for one pod. ECDSA P-256 throughout. */

import 'reflect-metadata';
import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as x509 from '@peculiar/x509';
import { type Clock, PortcullisError, systemClock } from '@portcullis/runtime';

/** A certificate for one host, and its key. */
export interface Minted {
  /** With its chain: the authority's own is in the trust store. */
  readonly certPem: string;
  readonly keyPem: string;
}

/** Makes certificates. */
export interface Mint {
  /** The authority's certificate, for trust stores. */
  readonly caPem: string;
  leafFor(host: string): Promise<Minted>;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Clocks of containers that were just started differ a little. */
const BACKDATE_MS = 3_600_000;
/** How long the certificate of a host is valid, unless the authority ends before. */
export const LEAF_DAYS = 7;
/** A pod lives shorter. */
const CA_DAYS = 365;
/** RFC 5280 allows no longer common name. */
const MAX_COMMON_NAME = 64;

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/**
 * Opens the authority of `files`, or makes one that is never written anywhere.
 * @throws PortcullisError `ERR_EGRESS_CA` when files cannot be read, do not belong together, or are no P-256 authority in force.
 */
export async function createMint(
  files: { readonly certFile: string; readonly keyFile: string } | undefined,
  clock: Pick<Clock, 'now'> = systemClock,
): Promise<Mint> {
  const authority = files === undefined ? await newAuthority(clock.now()) : await readAuthority(files, clock.now());
  // One key for all hosts: they are all this sidecar.
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const keyPem = pemOf('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    caPem: `${authority.certificate.toString('pem')}\n`,
    async leafFor(host) {
      const now = clock.now();
      const notAfter = new Date(Math.min(now + LEAF_DAYS * DAY_MS, authority.certificate.notAfter.getTime()));
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        ...(host.length > MAX_COMMON_NAME ? {} : { subject: [{ CN: [host] }] }),
        issuer: authority.certificate.subjectName,
        notBefore: new Date(now - BACKDATE_MS),
        notAfter,
        signingAlgorithm: SIGNATURE,
        publicKey: keys.publicKey,
        signingKey: authority.key,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }], host.length > MAX_COMMON_NAME),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
          await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
        ],
      });
      return { certPem: `${certificate.toString('pem')}\n`, keyPem };
    },
  };
}

async function newAuthority(now: number): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(KEY, false, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`Portcullis egress ${randomBytes(4).toString('hex')}`] }],
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, key: keys.privateKey };
}

async function readAuthority(
  files: { readonly certFile: string; readonly keyFile: string },
  now: number,
): Promise<Authority> {
  try {
    const certificate = new x509.X509Certificate(await readFile(files.certFile, 'utf8'));
    const key = createPrivateKey(await readFile(files.keyFile, 'utf8'));
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
    if (!spki.equals(Buffer.from(certificate.publicKey.rawData))) throw new Error('not a pair');
    if (certificate.getExtension(x509.BasicConstraintsExtension)?.ca !== true) throw new Error('not an authority');
    if (certificate.notAfter.getTime() <= now) throw new Error('expired');
    const der = Uint8Array.from(key.export({ type: 'pkcs8', format: 'der' }));
    return { certificate, key: await webcrypto.subtle.importKey('pkcs8', der, KEY, false, ['sign']) };
  } catch (error: unknown) {
    throw new PortcullisError('ERR_EGRESS_CA', 'invalid', 'the authority for interception cannot be used', {
      cause: error,
      details: { ...files },
    });
  }
}

/** Positive and without leading zeros, as RFC 5280 section 4.1.2.2 asks. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function pemOf(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
