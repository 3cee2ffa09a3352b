import { comparePacks, type Pack, type PackChanges, readPack } from '@portcullis/policy';
import type { Problem } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { readSource } from '../bundle/read-source.js';
import { usageFault } from '../faults.js';
import { openBundleFile } from './bundle-sets.js';
import { openPack } from './pack-library.js';
import { filesBelow, LOCK_FILE, type PackLock, packDigest, readLock, writeLock } from './pack-lock.js';
import { applyChange, changeOf, newProblems, withFolder } from './vendor.js';

/** What to upgrade, and where. */
export interface UpgradePackOptions {
  readonly pack: string;
  readonly directory: string;
  readonly from?: string;
  /** The version wanted; whichever there is when absent. */
  readonly to?: string;
  readonly dryRun: boolean;
  /** Whether edits of one's own may be lost. */
  readonly force: boolean;
}

/** What an upgrade changes. */
export interface UpgradePlan {
  readonly pack: string;
  readonly folder: string;
  readonly from: string;
  readonly to: string;
  /** Whether the vendored files are not those that were vendored. */
  readonly edited: boolean;
  /** The sets that are made of the pack. */
  readonly sets: readonly string[];
  readonly changes: PackChanges;
  /** Files of the source that are written or deleted. */
  readonly files: readonly string[];
  /** What would be wrong afterwards, such as a parameter that is gone. */
  readonly problems: readonly Problem[];
}

/** How an upgrade ended. `blocked` says why nothing was written. */
export interface UpgradeResult {
  readonly plan: UpgradePlan;
  readonly applied: boolean;
  readonly blocked?: 'dry_run' | 'edited' | 'problems' | 'up_to_date';
}

/**
 * Replaces a vendored pack by another version, unless that would lose edits or leave the source with new problems.
 * @throws PortcullisError `ERR_CLI_USAGE` when the pack is not vendored, or there is no such version; `ERR_CLI_SOURCE`
 */
export async function upgradePack(options: UpgradePackOptions): Promise<UpgradeResult> {
  const source = await readSource(options.directory);
  const lock = readLock(source);
  const folder = vendoredFolder(options, source, lock);
  const current = filesBelow(source, folder);
  const before = opened(readPack(current, ''), `${options.directory}/${folder}`);
  const available = await openPack(options.pack, options.from);
  const { pack: after, files, origin } = opened(available, options.from ?? options.pack);
  const { version } = after.manifest;
  if (options.to !== undefined && options.to !== version) {
    throw usageFault(
      `--to ${options.to}: there is ${options.pack} ${version} only; give the folder of another version with --from`,
    );
  }
  const sha256 = packDigest(files);
  const written = withFolder(source, folder, files);
  const entry = { name: options.pack, version, origin, sha256 };
  written.set(LOCK_FILE, new TextEncoder().encode(writeLock({ ...lock, [folder]: entry })));
  const change = changeOf(source, written);
  const plan: UpgradePlan = {
    pack: options.pack,
    folder,
    from: before.manifest.version,
    to: version,
    edited: lock[folder]?.sha256 !== packDigest(current),
    sets: openBundleFile(options.directory, source.get('bundle.yaml'))
      .packSets.filter(({ pack }) => pack === folder)
      .map(({ name }) => name),
    changes: comparePacks(before, after),
    files: [...change.written, ...change.deleted].toSorted(),
    problems: newProblems(source, written),
  };
  const blocked = whyNot(plan, options, packDigest(current) === sha256);
  if (blocked !== undefined) return { plan, applied: false, blocked };
  await applyChange(options.directory, change, [LOCK_FILE]);
  return { plan, applied: true };
}

function whyNot(
  plan: UpgradePlan,
  { dryRun, force }: UpgradePackOptions,
  same: boolean,
): UpgradeResult['blocked'] | undefined {
  if (same) return 'up_to_date';
  if (dryRun) return 'dry_run';
  if (plan.edited && !force) return 'edited';
  return plan.problems.length > 0 ? 'problems' : undefined;
}

/** Where the pack was vendored: as the lock says, else where its `pack.yaml` is. */
function vendoredFolder(
  { pack, directory }: UpgradePackOptions,
  source: ReadonlyMap<string, Uint8Array>,
  lock: PackLock,
): string {
  const folders = new Set([
    ...Object.entries(lock).flatMap(([folder, { name }]) => (name === pack ? [folder] : [])),
    ...openBundleFile(directory, source.get('bundle.yaml')).packSets.map((set) => set.pack),
  ]);
  for (const folder of folders) {
    const files = filesBelow(source, folder);
    if (files.size === 0) continue;
    const read = readPack(files, '');
    if (read.ok ? read.value.manifest.name === pack : lock[folder]?.name === pack) return folder;
  }
  throw usageFault(`${directory} does not use the pack "${pack}": add it with "portcullis pack add ${pack}"`);
}

function opened<T extends Pack | { readonly pack: Pack }>(
  read: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] },
  what: string,
): T {
  if (read.ok) return read.value;
  const [first] = read.problems;
  throw new PortcullisError(
    'ERR_CLI_SOURCE',
    'invalid',
    `the pack in ${what} cannot be read: ${first?.message ?? ''}`,
    {
      details: { problems: read.problems },
    },
  );
}
