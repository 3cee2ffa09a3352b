/** Certificates for this folder's tests: wrong ones on request. Loaded by tests only. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { TlsFiles } from './material.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;

/** PEM texts. */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

/** What a leaf should say. */
export interface LeafOptions {
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  /** From now, in ms; default one hour. */
  readonly lifetimeMs?: number;
  /** Default one hour ago. */
  readonly notBefore?: Date;
  /** Whether it calls itself an authority; default false. */
  readonly isAuthority?: boolean;
}

/** Signs leaves. */
export interface TestAuthority {
  readonly cert: string;
  issue(leaf: LeafOptions): Promise<PemPair>;
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

/** A new authority. */
export async function createTestAuthority(name: string): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + 24 * HOUR_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return {
    cert: root.toString('pem'),
    async issue({
      uris = [],
      dns = [],
      lifetimeMs = HOUR_MS,
      notBefore = new Date(Date.now() - HOUR_MS),
      isAuthority = false,
    }) {
      const leaf = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const cert = await x509.X509CertificateGenerator.create({
        subject: 'CN=leaf',
        issuer: root.subject,
        notBefore,
        notAfter: new Date(Date.now() + lifetimeMs),
        publicKey: leaf.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(isAuthority),
          new x509.SubjectAlternativeNameExtension([
            ...uris.map((value) => ({ type: 'url' as const, value })),
            ...dns.map((value) => ({ type: 'dns' as const, value })),
          ]),
        ],
      });
      return { cert: cert.toString('pem'), key: await keyPem(leaf.privateKey) };
    },
  };
}

/** A folder with the three files, and ways to change them. */
export interface TestFiles extends TlsFiles {
  readonly folder: string;
  write(parts: { readonly cert?: string; readonly key?: string; readonly ca?: string }): Promise<void>;
  readonly remove: () => Promise<void>;
}

/** Writes a set of files into a new temporary folder. */
export async function writeTestFiles(parts: PemPair & { readonly ca: string }): Promise<TestFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-tls-'));
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key'), caFile: join(folder, 'ca.crt') };
  const write: TestFiles['write'] = async ({ cert, key, ca }) => {
    if (cert !== undefined) await writeFile(files.certFile, cert);
    if (key !== undefined) await writeFile(files.keyFile, key);
    if (ca !== undefined) await writeFile(files.caFile, ca);
  };
  await write(parts);
  return { ...files, folder, write, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Points a link at another folder in one step, as Kubernetes does with mounted secrets. */
export async function swapLink(link: string, target: string): Promise<void> {
  await symlink(target, `${link}.next`);
  await rename(`${link}.next`, link);
}
