/** The distributor's metrics. Other files say what happened; only this one knows what it is called. */

import type { Registry } from '@portcullis/runtime';
import { EVIDENCE_OUTCOMES, type EvidenceObserver } from './evidence/receiver.js';

/** How a release ended. */
export const RELEASE_OUTCOMES = ['published', 'unchanged', 'refused', 'conflict', 'failed'] as const;
/** How a release ended. */
export type ReleaseOutcome = (typeof RELEASE_OUTCOMES)[number];

const TRANSPORTS = ['in-process', 'nats', 'http'] as const;
const ROLES = ['root', 'targets', 'releases', 'aborts', 'kills', 'snapshot', 'timestamp'] as const;
const OUTCOMES = ['ok', 'failed'] as const;

/** What happened, as verbs. */
export interface DistributorMetrics extends EvidenceObserver {
  released(outcome: ReleaseOutcome): void;
  /** A timestamp was signed, or could not be. */
  signedTimestamp(ok: boolean): void;
  /** One attempt to bring a channel up to date. */
  delivered(transport: string, ok: boolean): void;
  /** A channel did not hold what it was given. */
  drifted(transport: string): void;
  receivedStatus(ok: boolean): void;
  /** The store of evidence was asked, and answered or did not. */
  storeAnswered(ok: boolean): void;
  nodes(live: number, lost: number): void;
  /** Earliest expiry of each kind of role, epoch milliseconds. */
  expiries(byRole: ReadonlyMap<string, number>): void;
}

const kindOf = (role: string): string => role.split('-')[0] ?? role;
const known = (transport: string): string => TRANSPORTS.find((name) => name === transport) ?? 'http';

/** Registers the distributor's metrics. */
export function createMetrics(registry: Registry): DistributorMetrics {
  const released = registry.counter({
    name: 'releases_total',
    help: 'Releases by outcome.',
    labels: { outcome: RELEASE_OUTCOMES },
  });
  const signed = registry.counter({
    name: 'timestamps_total',
    help: 'Timestamps signed.',
    labels: { outcome: OUTCOMES },
  });
  const delivered = registry.counter({
    name: 'deliveries_total',
    help: 'Attempts to bring a channel up to date.',
    labels: { transport: TRANSPORTS, outcome: OUTCOMES },
  });
  const drifted = registry.counter({
    name: 'channel_drifts_total',
    help: 'Times a channel did not hold what it was given.',
    labels: { transport: TRANSPORTS },
  });
  const statuses = registry.counter({
    name: 'node_statuses_total',
    help: 'Node statuses received.',
    labels: { outcome: OUTCOMES },
  });
  const stored = registry.counter({
    name: 'store_questions_total',
    help: 'Questions to the store of evidence, writing included, by whether it answered.',
    labels: { outcome: OUTCOMES },
  });
  const nodes = registry.gauge({
    name: 'nodes',
    help: 'Nodes by whether they reported lately.',
    labels: { state: ['live', 'lost'] },
  });
  const expiry = registry.gauge({
    name: 'metadata_expiry_timestamp_seconds',
    help: 'When the first metadata of a role expires, Unix time.',
    labels: { role: ROLES },
  });
  const shipments = registry.counter({
    name: 'evidence_shipments_total',
    help: 'Shipments of evidence: stored, questions, not following what is stored, findings, not believed, or not stored.',
    labels: { outcome: EVIDENCE_OUTCOMES },
  });
  const records = registry.counter({
    name: 'evidence_records_total',
    help: 'Records of PDPs that were stored.',
  });
  const outcome = (ok: boolean): { outcome: (typeof OUTCOMES)[number] } => ({ outcome: ok ? 'ok' : 'failed' });
  return {
    released: (result) => released.inc({ outcome: result }),
    signedTimestamp: (ok) => signed.inc(outcome(ok)),
    delivered: (transport, ok) => delivered.inc({ transport: known(transport), ...outcome(ok) }),
    drifted: (transport) => drifted.inc({ transport: known(transport) }),
    evidence: (result) => shipments.inc({ outcome: result }),
    evidenceStored: (count) => records.inc(count),
    receivedStatus: (ok) => statuses.inc(outcome(ok)),
    storeAnswered: (ok) => stored.inc(outcome(ok)),
    nodes(live, lost) {
      nodes.set({ state: 'live' }, live);
      nodes.set({ state: 'lost' }, lost);
    },
    expiries(byRole) {
      const earliest = new Map<string, number>();
      for (const [role, at] of byRole) earliest.set(kindOf(role), Math.min(at, earliest.get(kindOf(role)) ?? at));
      for (const role of ROLES) expiry.set({ role }, (earliest.get(role) ?? 0) / 1000);
    },
  };
}
