/** `portcullis trust init`: all keys and the first version of every role (contracts §10, ADR-0002). */

import { Metadata, MetadataKind } from '@tufjs/models';
import type { Checked } from '../model/index.js';
import { refused } from './document.js';
import { killsField } from './kill-list.js';
import { expiryAfter, type JsonObject, SPEC_VERSION, signedFile } from './metadata.js';
import { abortsRole, isReleaseName, killsRole, releasesRole, TOP_LEVEL_ROLES } from './paths.js';
import { signSnapshot, signTimestamp } from './sign-online.js';
import { type NewKey, newEd25519Key, openSigningKey, type SigningKey } from './signing-key.js';

/** How many people it takes. */
export const TRUST_PROFILES = ['dev', 'team'] as const;
/** How many people it takes. */
export type TrustProfile = (typeof TRUST_PROFILES)[number];

/** What a key is for; `releases`, `aborts` and `kills` once per environment. */
export const KEY_ROLES = ['root', 'targets', 'releases', 'aborts', 'kills', 'snapshot', 'timestamp'] as const;
/** What a key is for. */
export type KeyRole = (typeof KEY_ROLES)[number];

/** How long metadata of each role is valid from its signing, in milliseconds. */
export type Expiries = Readonly<Record<KeyRole, number>>;

const SECOND = 1000;
const DAY = 86_400 * SECOND;

/** A year for what is offline, for aborts, which can say nothing new, and for kills; a minute for the timestamp. */
export const DEFAULT_EXPIRIES: Expiries = {
  root: 365 * DAY,
  targets: 90 * DAY,
  releases: 30 * DAY,
  aborts: 365 * DAY,
  kills: 365 * DAY,
  snapshot: 7 * DAY,
  timestamp: 60 * SECOND,
};

interface Quorum {
  readonly holders: readonly string[];
  readonly threshold: number;
}

const one = (holder: string): Quorum => ({ holders: [holder], threshold: 1 });

/** Who holds the keys of a role and how many of them must sign. Releases of a team take one: its bundle took two owners. */
export const PROFILE_QUORUMS: Readonly<Record<TrustProfile, Readonly<Record<KeyRole, Quorum>>>> = {
  dev: {
    root: one('owner'),
    targets: one('owner'),
    releases: one('owner'),
    aborts: one('abort'),
    kills: one('owner'),
    snapshot: one('distributor'),
    timestamp: one('distributor'),
  },
  team: {
    root: { holders: ['root-1', 'root-2', 'root-3'], threshold: 2 },
    targets: { holders: ['policy-owner-1', 'policy-owner-2'], threshold: 2 },
    releases: { holders: ['release-manager-1', 'release-manager-2'], threshold: 1 },
    aborts: one('abort'),
    kills: { holders: ['operator-1', 'operator-2'], threshold: 1 },
    snapshot: one('distributor'),
    timestamp: one('distributor'),
  },
};

/** One private key and who has to get it; its file is `<holder>/<role>.pem`, mode 0600. */
export interface HeldKey {
  readonly role: KeyRole;
  readonly holder: string;
  readonly keyId: string;
  /** PKCS8 PEM. Secret. */
  readonly pem: string;
}

/** Everything `trust init` writes. */
export interface Trust {
  /** By file name: `root.json, targets.json, snapshot.json, timestamp.json`, and `releases-`, `aborts-`, `kills-<env>.json`; all version 1. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly keys: readonly HeldKey[];
  /** The same keys by who holds them. */
  readonly holders: ReadonlyMap<string, readonly HeldKey[]>;
}

/** What {@link createTrust} is told; `now` is epoch milliseconds. */
export interface CreateTrustOptions {
  readonly profile: TrustProfile;
  /** The environment, or several; each gets its own releases and aborts role over the same keys. */
  readonly env: string | readonly string[];
  readonly now: number;
  readonly expiries?: Partial<Expiries>;
  readonly newKey?: NewKey;
}

/** Creates all keys and signs version 1 of every role with every key of the role. */
export function createTrust(options: CreateTrustOptions): Checked<Trust> {
  const envs = typeof options.env === 'string' ? [options.env] : options.env;
  const bad = envs.find((env) => !isReleaseName(env));
  if (bad !== undefined || envs.length === 0 || new Set(envs).size !== envs.length) {
    return refused('ERR_TRUST_ENV', `not an environment: ${bad ?? 'none, or the same one twice'}`, 'env');
  }
  const quorums = PROFILE_QUORUMS[options.profile];
  const expiries = { ...DEFAULT_EXPIRIES, ...options.expiries };
  const held: HeldKey[] = [];
  const signing = new Map<KeyRole, SigningKey[]>();
  for (const role of KEY_ROLES) {
    for (const holder of quorums[role].holders) {
      const pem = (options.newKey ?? newEd25519Key)();
      const key = openSigningKey(pem);
      if (!key.ok) return key;
      held.push({ role, holder, keyId: key.value.keyId, pem });
      signing.set(role, [...(signing.get(role) ?? []), key.value]);
    }
  }
  const keysOf = (role: KeyRole): readonly SigningKey[] => signing.get(role) ?? [];
  const sign = (role: KeyRole, kind: MetadataKind.Root | MetadataKind.Targets, fields: JsonObject): Uint8Array => {
    const expires = expiryAfter(options.now, expiries[role]);
    const signed = { _type: kind, spec_version: SPEC_VERSION, version: 1, expires, ...fields };
    const json = { signed, signatures: [] };
    const metadata = kind === MetadataKind.Root ? Metadata.fromJSON(kind, json) : Metadata.fromJSON(kind, json);
    return signedFile(metadata, keysOf(role)).bytes;
  };

  const files = new Map<string, Uint8Array>();
  files.set('root.json', sign('root', MetadataKind.Root, rootFields(quorums, keysOf)));
  files.set('targets.json', sign('targets', MetadataKind.Targets, delegatingFields(envs, quorums, keysOf)));
  for (const env of envs) {
    files.set(`${releasesRole(env)}.json`, sign('releases', MetadataKind.Targets, { targets: {} }));
    files.set(`${abortsRole(env)}.json`, sign('aborts', MetadataKind.Targets, { targets: {} }));
    files.set(`${killsRole(env)}.json`, sign('kills', MetadataKind.Targets, { targets: {}, ...killsField(env, []) }));
  }
  const roles = new Map([...files].filter(([name]) => name !== 'root.json'));
  const online = { now: options.now, previous: undefined };
  const snapshot = signSnapshot({ ...online, roles, keys: keysOf('snapshot'), lifetimeMs: expiries.snapshot });
  if (!snapshot.ok) return snapshot;
  const { bytes } = snapshot.value;
  const timestamp = signTimestamp({
    ...online,
    snapshot: bytes,
    keys: keysOf('timestamp'),
    lifetimeMs: expiries.timestamp,
  });
  if (!timestamp.ok) return timestamp;
  files.set('snapshot.json', bytes).set('timestamp.json', timestamp.value.bytes);
  return { ok: true, value: { files, keys: held, holders: Map.groupBy(held, (key) => key.holder) } };
}

type Quorums = Readonly<Record<KeyRole, Quorum>>;
type KeysOf = (role: KeyRole) => readonly SigningKey[];

/** The role classes of the library are not public; its JSON is. */
const roleFields = (keys: readonly SigningKey[], { threshold }: Quorum): JsonObject => ({
  keyids: keys.map((key) => key.keyId),
  threshold,
});
const publicKeys = (keys: readonly SigningKey[]): JsonObject =>
  Object.fromEntries(keys.map((key) => [key.keyId, key.publicKey.toJSON()]));

function rootFields(quorums: Quorums, keysOf: KeysOf): JsonObject {
  return {
    consistent_snapshot: true,
    keys: publicKeys(TOP_LEVEL_ROLES.flatMap(keysOf)),
    roles: Object.fromEntries(TOP_LEVEL_ROLES.map((role) => [role, roleFields(keysOf(role), quorums[role])])),
  };
}

function delegatingFields(envs: readonly string[], quorums: Quorums, keysOf: KeysOf): JsonObject {
  const delegate = (role: KeyRole, name: string, path: string): JsonObject => ({
    ...roleFields(keysOf(role), quorums[role]),
    name,
    terminating: true,
    paths: [path],
  });
  const roles = envs.flatMap((env) => [
    delegate('releases', releasesRole(env), `releases/${env}/*`),
    delegate('aborts', abortsRole(env), `aborts/${env}/*`),
    delegate('kills', killsRole(env), `kills/${env}/*`),
  ]);
  const held = (['releases', 'aborts', 'kills'] as const).flatMap(keysOf);
  return { targets: {}, delegations: { keys: publicKeys(held), roles } };
}
