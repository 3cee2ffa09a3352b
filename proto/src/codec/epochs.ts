/** The epochs: wire <-> domain. */

import type { Epochs } from '../epochs.js';
import type * as Wire from '../wire.js';
import { type Findings, join, readNumber } from './findings.js';

/** The epochs as they travel. */
export function toWireEpochs(epochs: Epochs): Wire.Epochs {
  return { release_seq: epochs.release_seq, trust: epochs.trust, labels: epochs.labels, kill: epochs.kill };
}

/** The epochs as they arrived. */
export function fromWireEpochs(message: Wire.Epochs__Output, path: string, findings: Findings): Epochs {
  return {
    release_seq: readNumber(message.release_seq, join(path, 'release_seq'), findings),
    trust: readNumber(message.trust, join(path, 'trust'), findings),
    labels: readNumber(message.labels, join(path, 'labels'), findings),
    kill: readNumber(message.kill, join(path, 'kill'), findings),
  };
}
