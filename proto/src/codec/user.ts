/** The person on whose behalf the agent acts: wire <-> domain. */

import type { UserSubject } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { defineFields, readFields, writeFields } from './fields.js';
import type { Findings } from './findings.js';

const FIELDS = defineFields<UserSubject, Wire.User>({
  id: 'text',
  email: 'text',
  role: 'text',
  team: 'text',
  attributes: 'json_object',
});

/** The person on whose behalf the agent acts, as it travels. */
export function toWireUser(value: UserSubject): Wire.User {
  return writeFields(FIELDS, value);
}

/** The person on whose behalf the agent acts, as it arrived. */
export function fromWireUser(message: Wire.User__Output, path: string, findings: Findings): UserSubject {
  return readFields(FIELDS, message, path, findings);
}
