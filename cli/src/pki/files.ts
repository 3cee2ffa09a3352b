import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PortcullisError, spiffeIdOf } from '@portcullis/runtime';
import { type PlannedFile, writeNewFiles } from '../files/private-files.js';
import type { DevelopmentAuthority, DevelopmentPki, IssuedLeaf } from './development.js';
import { requireTrustDomain } from './identity.js';

/** The CA certificate, which every peer is given. */
export const CA_FILE = 'ca.pem';
/** The CA key, which nobody but `pki issue` needs. */
export const CA_KEY_FILE = 'ca-key.pem';

/** Where a workload finds what it needs for TLS; the names of runtime's `tlsConfig`. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** The paths of one leaf under a PKI directory. */
export function tlsFilesOf(directory: string, leaf: Pick<IssuedLeaf, 'folder'>): TlsFiles {
  return {
    certFile: join(directory, leaf.folder, 'cert.pem'),
    keyFile: join(directory, leaf.folder, 'key.pem'),
    caFile: join(directory, CA_FILE),
  };
}

function leafFiles(leaf: IssuedLeaf): readonly PlannedFile[] {
  return [
    { path: join(leaf.folder, 'cert.pem'), content: leaf.certPem, secret: true },
    { path: join(leaf.folder, 'key.pem'), content: leaf.keyPem, secret: true },
  ];
}

/**
 * Writes a PKI: `ca.pem`, `ca-key.pem` and `<kind>-<name>/{cert,key}.pem`, files 0600 in directories 0700.
 * @throws PortcullisError `ERR_CLI_EXISTS` when any of them exists and `force` is false; then nothing was written.
 */
export async function writeDevelopmentPki(
  directory: string,
  pki: DevelopmentPki,
  options: { readonly force: boolean },
): Promise<void> {
  const ca: readonly PlannedFile[] = [
    { path: CA_FILE, content: pki.authority.certPem, secret: true },
    { path: CA_KEY_FILE, content: pki.authority.keyPem, secret: true },
  ];
  await writeNewFiles(directory, [...ca, ...pki.leaves.flatMap(leafFiles)], options);
}

/** Writes one more leaf beside those that are there; failures as {@link writeDevelopmentPki}. */
export async function writeLeaf(
  directory: string,
  leaf: IssuedLeaf,
  options: { readonly force: boolean },
): Promise<TlsFiles> {
  await writeNewFiles(directory, leafFiles(leaf), options);
  return tlsFilesOf(directory, leaf);
}

/**
 * Reads the CA that `pki init` wrote.
 * @throws PortcullisError `ERR_PKI_CA_MISSING` when there is none, `ERR_PKI_CA_INVALID` when it is not one of ours.
 */
export async function readAuthority(directory: string): Promise<DevelopmentAuthority> {
  const read = (name: string): Promise<string> =>
    readFile(join(directory, name), 'utf8').catch((cause: unknown) => {
      throw new PortcullisError(
        'ERR_PKI_CA_MISSING',
        'invalid',
        `${join(directory, name)} cannot be read: make a CA first with "portcullis pki init --dir ${directory}"`,
        { cause },
      );
    });
  const certPem = await read(CA_FILE);
  const keyPem = await read(CA_KEY_FILE);
  let id: string | undefined;
  try {
    id = spiffeIdOf(new X509Certificate(certPem));
  } catch (cause) {
    throw new PortcullisError('ERR_PKI_CA_INVALID', 'corrupt', `${join(directory, CA_FILE)} is not a certificate`, {
      cause,
    });
  }
  if (id === undefined) {
    throw new PortcullisError(
      'ERR_PKI_CA_INVALID',
      'corrupt',
      `${join(directory, CA_FILE)} names no trust domain: expected one URI SAN such as spiffe://example.org`,
    );
  }
  return { certPem, keyPem, trustDomain: requireTrustDomain(id.slice('spiffe://'.length)) };
}
