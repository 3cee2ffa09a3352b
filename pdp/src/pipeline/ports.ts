/** What the pipeline needs from outside. Adapters implement these; the pipeline never imports an adapter. */

import type { Engine } from '@portcullis/policy';
import type { DecisionEntry } from '@portcullis/policy/evidence';
import type { DecisionEffect } from '@portcullis/policy/model';

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
export type DecisionRecord = DecisionEntry;

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
