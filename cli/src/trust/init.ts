import { join } from 'node:path';
import {
  createTrust,
  type Expiries,
  metadataFileName,
  type NewKey,
  type Trust,
  type TrustProfile,
} from '@portcullis/policy/trust';
import { problemFault } from '../faults.js';
import { type PlannedFile, writeNewFiles } from '../files/private-files.js';
import { type CustodyRow, custodyOf, custodyPage, keyFile } from './custody.js';

/** The pinned root that PDPs and publishers are given. */
export const ROOT_FILE = 'root.json';
/** The folder with version 1 of every role, under the names that a TUF repository uses. */
export const METADATA_FOLDER = 'metadata';

/** What {@link initTrust} is told. */
export interface TrustInitOptions {
  readonly profile: TrustProfile;
  readonly envs: readonly string[];
  readonly directory: string;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly force: boolean;
  readonly expiries?: Partial<Expiries>;
  readonly newKey?: NewKey;
}

/** Where everything was written. */
export interface TrustInitResult {
  readonly rootFile: string;
  readonly metadataDirectory: string;
  /** The folder to give the distributor as its `keysDir`. */
  readonly distributorKeys: string;
  /** Folders with the keys that sign bundles and releases; all holders' in turn. */
  readonly publisherKeys: readonly string[];
  readonly custody: readonly CustodyRow[];
  readonly page: string;
}

function planFiles(profile: TrustProfile, trust: Trust): readonly PlannedFile[] {
  const files: PlannedFile[] = [];
  for (const [name, content] of trust.files) {
    if (name === 'root.json') files.push({ path: ROOT_FILE, content, secret: false });
    const role = name.slice(0, -'.json'.length);
    files.push({ path: join(METADATA_FOLDER, metadataFileName(role, 1)), content, secret: false });
  }
  for (const { holder, role, pem } of trust.keys) {
    files.push({ path: keyFile(profile, holder, role), content: pem, secret: true });
  }
  return files;
}

/**
 * Creates all keys and the first version of all metadata, and writes them: `root.json`, `metadata/`, and the keys, in
 * `keys/` for `dev` and in `holders/<holder>/` for `team`. Keys are 0600 in folders 0700.
 * @throws PortcullisError `ERR_CLI_EXISTS` when a file exists and `force` is false, `ERR_TRUST_INIT` when the trust
 * module refuses the environment's name. Nothing was written then.
 */
export async function initTrust(options: TrustInitOptions): Promise<TrustInitResult> {
  const { profile, directory, envs, now } = options;
  const trust = createTrust({
    profile,
    env: envs,
    now,
    ...(options.expiries === undefined ? {} : { expiries: options.expiries }),
    ...(options.newKey === undefined ? {} : { newKey: options.newKey }),
  });
  if (!trust.ok) throw problemFault('ERR_TRUST_INIT', 'no trust was created', trust.problems);
  const custody = custodyOf(profile, trust.value);
  const page = custodyPage(custody);
  const pageFile: readonly PlannedFile[] =
    profile === 'team' ? [{ path: 'CUSTODY.md', content: page, secret: false }] : [];
  await writeNewFiles(directory, [...planFiles(profile, trust.value), ...pageFile], { force: options.force });

  const foldersOf = (roles: readonly string[]): readonly string[] => [
    ...new Set(custody.filter((row) => roles.includes(row.role)).map((row) => join(directory, row.file, '..'))),
  ];
  return {
    rootFile: join(directory, ROOT_FILE),
    metadataDirectory: join(directory, METADATA_FOLDER),
    distributorKeys: foldersOf(['timestamp'])[0] ?? directory,
    publisherKeys: foldersOf(['targets', 'releases']),
    custody,
    page,
  };
}
