/** What lies in the folder of a stack: certificates, keys and trust, for the names that all stacks have. */

import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDevelopmentPki,
  initTrust,
  issueLeaf,
  type LeafIdentity,
  type LeafOverrides,
  type TrustInitResult,
  tlsFilesOf,
  writeDevelopmentPki,
  writeLeaf,
} from '@portcullis/cli';
import type { TlsFiles } from '@portcullis/runtime';

/** The trust domain of every identity of a stack. */
export const TRUST_DOMAIN = 'portcullis.test';
/** The environment and the channel of its releases. */
export const ENV = 'prod';
/** The channel of its releases. */
export const CHANNEL = 'default';
/** The tenant and the agent that sidecars speak for unless told otherwise. */
export const AGENT = { tenant: 'acme', agent: 'analyst' } as const;

/** The files below a stack's folder. */
export interface StackFiles {
  readonly folder: string;
  readonly trust: TrustInitResult;
  /** TLS files of an identity that was issued at the start. */
  tls(identity: LeafIdentity): TlsFiles;
  /** Issues one more certificate, right or wrong. */
  issue(identity: LeafIdentity, overrides?: LeafOverrides): Promise<TlsFiles>;
}

/** Makes them, below a new temporary folder, with certificates for so many PDPs. */
export async function createStackFiles(pdps: number): Promise<StackFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-'));
  const now = new Date();
  const leaves: LeafIdentity[] = [
    { kind: 'distributor', name: 'distributor' },
    { kind: 'publisher', name: 'publisher' },
    { kind: 'agent', ...AGENT },
    ...Array.from({ length: pdps }, (_, index): LeafIdentity => ({ kind: 'pdp', name: `pdp-${index + 1}` })),
  ];
  const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves, now });
  const pkiFolder = join(folder, 'pki');
  await writeDevelopmentPki(pkiFolder, pki, { force: false });
  const trust = await initTrust({
    profile: 'dev',
    envs: [ENV],
    directory: join(folder, 'trust'),
    now: now.getTime(),
    force: false,
  });
  let issued = 0;
  return {
    folder,
    trust,
    tls(identity) {
      const leaf = pki.leaves.find((known) => JSON.stringify(known.identity) === JSON.stringify(identity));
      if (leaf === undefined) throw new Error(`no certificate for ${JSON.stringify(identity)}`);
      return tlsFilesOf(pkiFolder, leaf);
    },
    async issue(identity, overrides = {}) {
      issued += 1;
      const leaf = await issueLeaf(pki.authority, identity, { now, overrides });
      return writeLeaf(pkiFolder, { ...leaf, folder: `issued-${issued}` }, { force: false });
    },
  };
}

/** The names of everything below a folder, for tests that tamper with files. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
