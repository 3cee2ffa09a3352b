/** Another agent that is spoken to: wire <-> domain. */

import type { PeerTarget } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { defineFields, readFields, writeFields } from './fields.js';
import type { Findings } from './findings.js';

const FIELDS = defineFields<PeerTarget, Wire.Peer>({
  agent_id: 'text',
  skill: 'text',
  url: 'text',
});

/** Another agent that is spoken to, as it travels. */
export function toWirePeer(value: PeerTarget): Wire.Peer {
  return writeFields(FIELDS, value);
}

/** Another agent that is spoken to, as it arrived. */
export function fromWirePeer(message: Wire.Peer__Output, path: string, findings: Findings): PeerTarget {
  return readFields(FIELDS, message, path, findings);
}
