/** An outbound connection: wire <-> domain. */

import type { EgressTarget } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { defineFields, readFields, writeFields } from './fields.js';
import type { Findings } from './findings.js';

const FIELDS = defineFields<EgressTarget, Wire.Egress>({
  scheme: 'text',
  host: 'text',
  port: 'number',
  method: 'text',
  path: 'text',
  resolved_ips: 'text_list',
  bytes: 'number',
});

/** An outbound connection, as it travels. */
export function toWireEgress(value: EgressTarget): Wire.Egress {
  return writeFields(FIELDS, value);
}

/** An outbound connection, as it arrived. */
export function fromWireEgress(message: Wire.Egress__Output, path: string, findings: Findings): EgressTarget {
  return readFields(FIELDS, message, path, findings);
}
