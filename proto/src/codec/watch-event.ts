/** What a PDP runs at present: wire <-> domain. */

import type { Checked } from '@portcullis/policy/model';
import type { Epochs } from '../epochs.js';
import type * as Wire from '../wire.js';
import { type BundleFreshness, ENUMS } from './enums.js';
import { fromWireEpochs, toWireEpochs } from './epochs.js';
import { type Findings, found, readEnum, readText, settle } from './findings.js';

/** One change of a PDP's state; the first of a watch is the current state. */
export interface WatchReport {
  readonly epochs: Epochs;
  /** Lower-case hex; empty while the PDP has no bundle. */
  readonly bundle_digest: string;
  readonly policy_version: string;
  readonly freshness: BundleFreshness;
  /** Moves with every answer that people gave at this PDP; absent where nobody counts. Wraps below 2^32. */
  readonly approvals?: number;
}

/** The state as it travels. */
export function toWireWatchEvent(state: WatchReport): Wire.WatchEvent {
  return {
    epochs: toWireEpochs(state.epochs),
    bundle_digest: state.bundle_digest,
    policy_version: state.policy_version,
    freshness: ENUMS.bundleFreshness.toWire[state.freshness],
    ...(state.approvals === undefined ? {} : { approvals: state.approvals }),
  };
}

/** The state as it arrived. */
export function fromWireWatchEvent(message: Wire.WatchEvent__Output): Checked<WatchReport> {
  const findings: Findings = [];
  if (message.epochs === undefined) found(findings, 'ERR_WIRE_MISSING', 'epochs', 'is missing');
  return settle(findings, {
    epochs: fromWireEpochs(message.epochs ?? {}, 'epochs', findings),
    bundle_digest: readText(message.bundle_digest, 'bundle_digest', findings),
    policy_version: readText(message.policy_version, 'policy_version', findings),
    freshness: readEnum(message.freshness, ENUMS.bundleFreshness, 'expired', 'freshness', findings),
    approvals: message.approvals ?? 0,
  });
}
