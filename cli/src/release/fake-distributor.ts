import {
  createTrust,
  type HeldKey,
  hashesOf,
  metadataKey,
  openSigningKey,
  openTrustedRoot,
  parseReleasePointer,
  parseSnapshot,
  parseTargets,
  RELEASE_PATH,
  type ReleasePointer,
  releasesRole,
  type SigningKey,
  signSnapshot,
  signTimestamp,
  type Trust,
  type TrustProfile,
  targetKey,
  verifyRole,
} from '@portcullis/policy/trust';
import type { DistributorApi, NodeView, Refusal, ReleaseUpload, RolesUpload } from './api.js';

const HOUR_MS = 3_600_000;

/** A distributor in memory, for tests of this package: a TUF repository that signs what it accepts. */
export interface FakeDistributor extends DistributorApi {
  readonly root: Uint8Array;
  /** What is served, by channel key; a test may change it, as an attacker would. */
  readonly objects: Map<string, Uint8Array>;
  /** What PDPs report; a test sets it, or changes it when a release arrives. */
  nodeViews: readonly NodeView[];
  /** Called after each accepted release. */
  onRelease: (pointer: ReleasePointer) => void;
  /** Says no to every upload while it is set. */
  refusal: Refusal | undefined;
  readonly bundlesReceived: string[];
  /** What was handed over beside releases; taken and not looked at. */
  readonly rolesReceived: RolesUpload[];
  /** Keys by who holds them. */
  keysOf(...holders: readonly string[]): readonly SigningKey[];
}

function must<T>(checked: { readonly ok: true; readonly value: T } | { readonly ok: false }): T {
  if (checked.ok) return checked.value;
  throw new TypeError(`fake distributor: ${JSON.stringify(checked)}`);
}

function open(key: HeldKey): SigningKey {
  return must(openSigningKey(key.pem));
}

/** Starts a fake whose trust was made at `now`, epoch milliseconds. */
export function createFakeDistributor(options: {
  readonly profile: TrustProfile;
  readonly env: string;
  readonly now: number;
}): FakeDistributor {
  const { now, env } = options;
  const trust: Trust = must(createTrust({ ...options, expiries: { timestamp: HOUR_MS } }));
  const online = (role: string): readonly SigningKey[] => trust.keys.filter((key) => key.role === role).map(open);
  const root = trust.files.get('root.json') ?? new Uint8Array();
  const objects = new Map<string, Uint8Array>();
  const roles = new Map<string, Uint8Array>();
  const history: ReleasePointer[] = [];
  for (const [name, bytes] of trust.files) {
    const role = name.slice(0, -'.json'.length);
    objects.set(metadataKey(role, 1), bytes);
    if (!['root', 'snapshot', 'timestamp'].includes(role)) roles.set(name, bytes);
  }
  let snapshot = objects.get(metadataKey('snapshot', 1)) ?? new Uint8Array();

  const refuse = (message: string): Refusal => ({ status: 400, code: 'ERR_RELEASE_REFUSED', message });
  const accept = (upload: ReleaseUpload): Refusal | undefined => {
    const targetsBytes = upload.targets ?? roles.get('targets.json') ?? new Uint8Array();
    const targets = must(parseTargets(targetsBytes));
    if (!verifyRole(must(openTrustedRoot(root)), 'targets', targets).ok) return refuse('targets is not signed');
    const role = releasesRole(upload.env);
    const releases = must(parseTargets(upload.releases));
    if (!verifyRole(targets, role, releases).ok) return refuse('releases is not signed');
    const old = must(parseTargets(roles.get(`${role}.json`) ?? new Uint8Array()));
    if (releases.signed.version !== old.signed.version + 1) return refuse('releases has the wrong version');
    const pointer = must(parseReleasePointer(upload.pointer));
    const path = RELEASE_PATH(upload.env, upload.channel);
    const { sha256 } = hashesOf(upload.pointer);
    if (releases.signed.targets[path]?.hashes['sha256'] !== sha256) return refuse('the pointer is not signed');
    if (targets.signed.targets[pointer.stable.target] === undefined) return refuse('the bundle is not a target');

    roles.set('targets.json', targetsBytes).set(`${role}.json`, upload.releases);
    objects.set(targetKey(path, sha256), upload.pointer);
    objects.set(metadataKey('targets', targets.signed.version), targetsBytes);
    objects.set(metadataKey(role, releases.signed.version), upload.releases);
    const next = must(signSnapshot({ roles, keys: online('snapshot'), now, lifetimeMs: HOUR_MS, previous: snapshot }));
    snapshot = next.bytes;
    objects.set(metadataKey('snapshot', must(parseSnapshot(snapshot)).signed.version), snapshot);
    const previous = objects.get(metadataKey('timestamp', 0));
    const stamp = must(signTimestamp({ snapshot, keys: online('timestamp'), now, lifetimeMs: HOUR_MS, previous }));
    objects.set(metadataKey('timestamp', 0), stamp.bytes);
    history.push(pointer);
    fake.onRelease(pointer);
    return undefined;
  };

  const fake: FakeDistributor = {
    actor: 'spiffe://example.org/publisher/ci',
    root,
    objects,
    nodeViews: [],
    onRelease: () => undefined,
    refusal: undefined,
    bundlesReceived: [],
    rolesReceived: [],
    keysOf: (...holders) => trust.keys.filter((key) => holders.includes(key.holder)).map(open),
    readObject: async (key) => objects.get(key),
    putBundle: async (sha256) => {
      if (fake.refusal === undefined) fake.bundlesReceived.push(sha256);
      return fake.refusal;
    },
    postRelease: async (upload) => fake.refusal ?? accept(upload),
    postRoles: async (upload) => {
      if (fake.refusal === undefined) fake.rolesReceived.push(upload);
      return fake.refusal;
    },
    postRoot: async () => fake.refusal,
    releases: async () => ({ current: history.at(-1), history }),
    allNodes: async () => fake.nodeViews,
    nodes: async () => fake.nodeViews.filter((node) => node.env === env),
  };
  return fake;
}

/** A PDP's view, loaded with `digest` at `seq`. */
export function loadedNode(node: string, env: string, seq: number, digest: string): NodeView {
  return {
    node,
    env,
    channel: 'default',
    state: 'loaded',
    release_seq: seq,
    digest,
    freshness: 'fresh',
    at: '2026-11-22T00:00:00.000Z',
    live: true,
    active: { release_seq: seq, digest },
  };
}
