import type { NodeStatus, ReleasePointer } from '@portcullis/policy/trust';
import type { ReadObject } from './trusted-view.js';

/** What a distributor says about one PDP: its last report, and whether it was heard of lately. */
export interface NodeView {
  readonly node: string;
  readonly env: string;
  readonly channel: string;
  readonly state: NodeStatus['state'];
  /** Of the last report: the release that was looked at, or that is active. */
  readonly release_seq: number;
  readonly digest: string;
  readonly freshness: NodeStatus['freshness'];
  /** Why it refused. */
  readonly reason?: string | undefined;
  /** When it reported, RFC 3339. */
  readonly at: string;
  readonly live: boolean;
  /** Where it takes kill lists directly. */
  readonly https?: string | undefined;
  /** What it enforces; `null` before it has said so. */
  readonly active: { readonly release_seq: number; readonly digest: string } | null;
}

/** What a distributor says about a channel's releases. */
export interface ChannelReleases {
  /** `undefined` before the first release. */
  readonly current: ReleasePointer | undefined;
  /** Those that it remembers, the current one included. */
  readonly history: readonly ReleasePointer[];
}

/** Why a distributor would not take something; the parts of its problem document. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** What goes up in one piece: all of it becomes current, or none of it. */
export interface ReleaseUpload {
  readonly env: string;
  readonly channel: string;
  /** The next targets metadata, when it changes. */
  readonly targets: Uint8Array | undefined;
  /** The next `releases-<env>` metadata. */
  readonly releases: Uint8Array;
  /** The pointer's exact bytes. */
  readonly pointer: Uint8Array;
}

/** Metadata of roles by their names. */
export interface RolesUpload {
  readonly env: string;
  readonly channel: string;
  readonly roles: ReadonlyMap<string, Uint8Array>;
}

/**
 * What the release verbs need of a distributor. Refusals (the distributor understood and said no) are values; a
 * distributor that cannot be reached or answers nonsense is a `PortcullisError`.
 */
export interface DistributorApi {
  /** Who we are to it: our SPIFFE id. */
  readonly actor: string;
  readonly readObject: ReadObject;
  putBundle(sha256: string, bytes: Uint8Array): Promise<Refusal | undefined>;
  postRelease(upload: ReleaseUpload): Promise<Refusal | undefined>;
  /** New metadata of roles without a release: all of it becomes current, or none of it. */
  postRoles(upload: RolesUpload): Promise<Refusal | undefined>;
  /** Hands over root N+1. */
  postRoot(root: Uint8Array): Promise<Refusal | undefined>;
  releases(env: string, channel: string): Promise<ChannelReleases>;
  /** The PDPs of a channel. */
  nodes(env: string, channel: string): Promise<readonly NodeView[]>;
  /** The PDPs of all channels of an environment. */
  allNodes(env: string): Promise<readonly NodeView[]>;
}
