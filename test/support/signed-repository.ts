/**
 * A TUF repository in memory whose keys the test holds, all of them: for what a distributor would never publish, and for
 * putting every single byte of a release to the test without a distributor in between.
 */
import { buildBundle } from '@portcullis/policy/bundle';
import type { Checked } from '@portcullis/policy/model';
import {
  addBundleTarget,
  BUNDLE_PATH,
  createTrust,
  hashesOf,
  type KeyRole,
  metadataKey,
  openSigningKey,
  RELEASE_PATH,
  RELEASE_TYPE,
  type ReleasePointer,
  releasesRole,
  rotateRoot,
  type SignedFile,
  type SigningKey,
  signReleases,
  signSnapshot,
  signTimestamp,
  targetKey,
} from '@portcullis/policy/trust';
import type { PolicySource } from './policy-source.js';

/** What to release. */
export interface ReleaseDraft {
  /** Exact bytes; what they mean is the caller's affair. */
  readonly bundle: Uint8Array;
  readonly policyVersion: string;
  /** Changes to an ordinary pointer. */
  readonly change?: Partial<ReleasePointer>;
}

/** The channel keys of the newest release's files, in the order in which a client asks for them. */
export const RELEASE_FILES = ['root', 'timestamp', 'snapshot', 'targets', 'releases', 'pointer', 'bundle'] as const;
/** One of them. */
export type ReleaseFile = (typeof RELEASE_FILES)[number];

/** See the file's comment. Everything is signed with the system's clock. */
export interface SignedRepository {
  /** The exact bytes of root 1. */
  readonly pinnedRoot: Uint8Array;
  /** Everything on the channel now; a copy of the list. */
  objects(): ReadonlyMap<string, Buffer>;
  /** The next release, with the next seq unless the change says otherwise. */
  release(draft: ReleaseDraft): ReleasePointer;
  /** A new timestamp over what is there. */
  renew(lifetimeMs?: number): void;
  /** Root N+1, with the same keys. */
  rotateRoot(): void;
  keyOf(file: ReleaseFile): string;
}

const DAY = 86_400_000;

/** Unwraps, or fails the test with every problem. */
export function must<T>(checked: Checked<T>): T {
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

/** The bundle that a source builds to. */
export async function bundleOf(source: PolicySource): Promise<Uint8Array> {
  return must(await buildBundle(source)).bytes;
}

/** Makes trust and a repository without a release. */
export function createSignedRepository(env: string, channel: string): SignedRepository {
  const trust = must(createTrust({ profile: 'dev', env, now: Date.now() }));
  const keysOf = (role: KeyRole): readonly SigningKey[] =>
    trust.keys.filter((key) => key.role === role).map((key) => must(openSigningKey(key.pem)));
  const role = releasesRole(env);
  const files = new Map<string, SignedFile>(
    [...trust.files].map(([name, bytes]) => [name.replace(/\.json$/, ''), { version: 1, bytes }]),
  );
  const objects = new Map<string, Buffer>();
  const newest = new Map<ReleaseFile, string>();
  let seq = 0;

  const put = (key: string, bytes: Uint8Array): void => void objects.set(key, Buffer.from(bytes));
  const bytesOf = (name: string): Uint8Array => files.get(name)?.bytes ?? new Uint8Array();
  const publish = (name: string, file: SignedFile, as?: ReleaseFile): void => {
    files.set(name, file);
    const key = metadataKey(name, file.version);
    put(key, file.bytes);
    if (as !== undefined) newest.set(as, key);
  };
  const offline = (name: string, signer: KeyRole) => ({
    current: bytesOf(name),
    keys: keysOf(signer),
    now: Date.now(),
    lifetimeMs: 30 * DAY,
  });
  const renew = (lifetimeMs = DAY): void => {
    const signing = { keys: keysOf('timestamp'), now: Date.now(), lifetimeMs, previous: bytesOf('timestamp') };
    publish('timestamp', must(signTimestamp({ ...signing, snapshot: bytesOf('snapshot') })), 'timestamp');
  };

  for (const [name, file] of files) publish(name, file);
  renew();
  return {
    pinnedRoot: bytesOf('root'),
    objects: () => new Map(objects),
    release({ bundle, policyVersion, change }) {
      const facts = { format: 'portcullis.policy/1', policy_version: policyVersion } as const;
      const targets = must(addBundleTarget({ ...offline('targets', 'targets'), bundle, facts }));
      seq += 1;
      const pointer: ReleasePointer = {
        _type: RELEASE_TYPE,
        env,
        channel,
        seq,
        issued_at: new Date().toISOString(),
        not_after: new Date(Date.now() + 20 * DAY).toISOString(),
        stable: { target: BUNDLE_PATH(targets.sha256), sha256: targets.sha256, policy_version: policyVersion },
        candidate: null,
        rollout: null,
        activation: { min_acks: 0 },
        actor: 'test',
        ...change,
      };
      ({ seq } = pointer);
      const releases = must(signReleases({ ...offline(role, 'releases'), pointer }));
      const targetKeys: readonly (readonly [ReleaseFile, string, Uint8Array])[] = [
        ['bundle', BUNDLE_PATH(targets.sha256), bundle],
        ['pointer', RELEASE_PATH(env, channel), releases.pointer],
      ];
      for (const [file, path, bytes] of targetKeys) {
        const key = targetKey(path, hashesOf(bytes).sha256);
        put(key, bytes);
        newest.set(file, key);
      }
      publish('targets', targets, 'targets');
      publish(role, releases, 'releases');
      const roles = new Map(
        [...files].flatMap(([name, { bytes }]) =>
          name === 'targets' || /^(releases|aborts|kills)-/.test(name) ? [[`${name}.json`, bytes] as const] : [],
        ),
      );
      const online = { keys: keysOf('snapshot'), now: Date.now(), lifetimeMs: 7 * DAY, previous: bytesOf('snapshot') };
      publish('snapshot', must(signSnapshot({ ...online, roles })), 'snapshot');
      renew();
      return pointer;
    },
    renew,
    rotateRoot() {
      publish('root', must(rotateRoot({ ...offline('root', 'root'), changes: [] })), 'root');
    },
    keyOf: (file) => newest.get(file) ?? '',
  };
}
