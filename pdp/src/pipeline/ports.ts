/** What the pipeline needs from outside. Adapters implement these; the pipeline never imports an adapter. */

import type { Engine } from '@portcullis/policy';
import type { DecisionEffect, DenyCode } from '@portcullis/policy/model';

/** One release, ready to decide with. Immutable: a decision keeps the snapshot it began with until it is answered. */
export interface Snapshot {
  readonly engine: Engine;
  readonly releaseSeq: number;
  /** Lower-case hex SHA-256 of the bundle's exact bytes. */
  readonly bundleDigest: string;
  readonly policyVersion: string;
}

/** Where the current release comes from. */
export interface SnapshotSource {
  /** The snapshot to decide with at this instant, or why there is none; a comparison of numbers, never I/O. */
  current(): { readonly ok: true; readonly snapshot: Snapshot } | { readonly ok: false; readonly message: string };
}

/** What is written down about every decision before it is answered. Digests and names, never arguments. */
export interface DecisionRecord {
  readonly decision_id: string;
  readonly request_digest: string;
  readonly effect: DecisionEffect;
  readonly deny: readonly DenyCode[];
  readonly tenant: string;
  readonly agent: string;
  readonly tool: { readonly server?: string; readonly name?: string; readonly operation?: string };
  /** Lower-case hex SHA-256 over the RFC 8785 form of `tool.arguments`; absent when the request has none. */
  readonly arguments_digest?: string;
  readonly bundle_digest: string;
  readonly release_seq: number;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Where decision records go. */
export interface DecisionSink {
  /** Resolves once the record is kept as the sink's configuration promises; rejects when it could not be. */
  append(record: DecisionRecord): Promise<void>;
}

/** The stages by the names of their files; labels of a metric. */
export const STAGES = ['normalize', 'context', 'adjudicate', 'reserve', 'decide'] as const;
/** A stage of the pipeline. */
export type StageName = (typeof STAGES)[number];

/** Who is told about decisions for the sake of metrics. */
export interface DecisionObserver {
  stageTook(stage: StageName, seconds: number): void;
  decided(effect: DecisionEffect, cached: boolean): void;
}
